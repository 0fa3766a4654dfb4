import type { NodeFacts } from '@gantry/contracts/agent-link';
import { NodeId } from '@gantry/contracts/ids';
import { Inject, Injectable } from '@nestjs/common';
import { recordChanges } from '../persistence/changes.ts';
import { LinkDatabase } from '../persistence/database.ts';
import { newId } from '../persistence/new-id.ts';

/** What the dispatcher writes of nodes: identity, sessions, facts, signs of life. */
@Injectable()
export class AgentNodeRepository {
  constructor(@Inject(LinkDatabase) private readonly database: LinkDatabase) {}

  async findPublicKey(nodeId: NodeId): Promise<Uint8Array | null> {
    const node = await this.database.client.node.findUnique({ where: { id: nodeId }, select: { publicKey: true } });
    return node?.publicKey ?? null;
  }

  countNodes(): Promise<number> {
    return this.database.client.node.count();
  }

  async isJoinToken(secretHash: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const token = await this.database.client.joinToken.findFirst({ where: { secretHash, expiresAt: { gt: new Date() } } });
    return token !== null;
  }

  /** A key that is known keeps its node: registering twice is harmless. */
  async register(publicKey: Uint8Array<ArrayBuffer>, name: string): Promise<NodeId> {
    return this.database.transaction(async (transaction) => {
      const id = newId();
      await transaction.$executeRaw`insert into node (id, name, public_key) values (${id}, ${name}, ${publicKey}) on conflict (public_key) do nothing`;
      const node = await transaction.node.findUniqueOrThrow({ where: { publicKey }, select: { id: true } });
      if (node.id === id) await recordChanges(transaction, { nodes: [id] });
      return NodeId.parse(node.id);
    });
  }

  /** The node is ready, and this replica holds its session; answers the session's generation, null when there is no such node. */
  async beginSession(nodeId: NodeId, facts: NodeFacts, replicaId: string): Promise<number | null> {
    return this.database.transaction(async (transaction) => {
      const [row] = await transaction.$queryRaw<{ generation: number }[]>`
        update node set state = 'ready', message = '', facts = ${facts}::jsonb, replica_id = ${replicaId}, generation = generation + 1, last_seen_at = now(),
          version = version + 1, updated_at = now()
        where id = ${nodeId} returning generation`;
      if (row === undefined) return null;
      const wake = [{ loop: 'node', key: nodeId }];
      await recordChanges(transaction, { nodes: [nodeId], sessions: [nodeId], wake });
      return row.generation;
    });
  }

  async findGenerations(nodeIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.database.client.node.findMany({ where: { id: { in: [...nodeIds] } }, select: { id: true, generation: true } });
    return new Map(rows.map((row) => [row.id, row.generation]));
  }

  async updateFacts(nodeId: NodeId, facts: NodeFacts): Promise<void> {
    await this.database.transaction(async (transaction) => {
      await transaction.node.updateMany({ where: { id: nodeId }, data: { facts, version: { increment: 1 }, updatedAt: new Date() } });
      await recordChanges(transaction, { nodes: [nodeId], wake: [{ loop: 'node', key: nodeId }] });
    });
  }

  /** Signs of life, all in one statement. One that was given up and is heard of again is ready. */
  async touch(nodeIds: readonly string[]): Promise<void> {
    await this.database.transaction(async (transaction) => {
      const sorted = [...nodeIds].sort();
      await transaction.$executeRaw`update node set last_seen_at = now() where id = any(${sorted}::text[])`;
      const revived = await transaction.$queryRaw<{ id: string }[]>`
        update node set state = 'ready', message = '', version = version + 1, updated_at = now()
        where id = any(${sorted}::text[]) and state = 'down' returning id`;
      if (revived.length === 0) return;
      const ids = revived.map((row) => row.id);
      await recordChanges(transaction, { nodes: ids, wake: ids.map((key) => ({ loop: 'node', key })) });
    });
  }
}
