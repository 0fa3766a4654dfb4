import type { ClusterNode, JoinToken, NodeContainer, NodeListQuery } from '@gantry/contracts/http-api';
import type { NodeId } from '@gantry/contracts/ids';
import { conflict, notFound, wrongState } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { NodeConnections } from '../../dispatcher/node-connections.ts';
import { decodeCursor, type Page, toPage } from '../../http/cursor.ts';
import { recordChanges } from '../../persistence/changes.ts';
import { checkIfMatch, requireVersion } from '../../persistence/conditions.ts';
import { Database, type Transaction } from '../../persistence/database.ts';
import { newId } from '../../persistence/new-id.ts';
import { hashSecret, makeSecret } from '../account/secret.ts';
import { type NodeRow, toNode } from './node.mapper.ts';
import { NodeRepository } from './node.repository.ts';
import { EngineContainers, toNodeContainers } from './node-containers.ts';

const joinTokenLifetimeMs = 24 * 60 * 60 * 1_000;
const listWithinMs = 10_000;

type Change = { [K in keyof ClusterNode['spec']]?: ClusterNode['spec'][K] | undefined } & { version?: number | undefined };

@Injectable()
export class NodeService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(NodeRepository) private readonly nodes: NodeRepository,
    @Inject(NodeConnections) private readonly connections: NodeConnections,
  ) {}

  async list(query: NodeListQuery): Promise<Page<ClusterNode>> {
    const [name, id] = decodeCursor(query.cursor, 2) ?? [];
    const rows = await this.nodes.list(query, name === undefined || id === undefined ? null : { name, id }, query.limit + 1);
    return toPage(rows, query.limit, (row) => [row.name, row.id], toNode);
  }

  async get(id: string): Promise<ClusterNode> {
    return toNode(this.#found(await this.nodes.find(id), id));
  }

  update(id: string, { version, name, labels, availability }: Change): Promise<ClusterNode> {
    requireVersion(version);
    return this.#change(id, async (transaction, row) => {
      if (version !== undefined && (version < row.specVersion || version > row.version))
        throw conflict(`node ${row.name} has changed since version ${version}: it is at ${row.version}`, { field: 'version' });
      const { spec } = toNode(row);
      await this.nodes.updateSpec(transaction, row, {
        name: name ?? spec.name,
        labels: labels ?? spec.labels,
        availability: availability ?? spec.availability,
      });
      await recordChanges(transaction, { nodes: [id], wake: [{ loop: 'node', key: id }] });
      return toNode(this.#found(await this.nodes.find(id, transaction), id));
    });
  }

  remove(id: string): Promise<Record<never, never>> {
    return this.#change(id, async (transaction, row) => {
      if (row.state === 'ready') throw wrongState(`node ${row.name} is connected: stop its agent first`);
      const wake = [{ loop: 'node', key: id }];
      await recordChanges(transaction, { nodes: [id], sessions: [id], tasks: await this.nodes.remove(transaction, id), wake });
      return {};
    });
  }

  async containers(id: NodeId): Promise<{ items: z.infer<typeof NodeContainer>[] }> {
    this.#found(await this.nodes.find(id), id);
    const signal = AbortSignal.timeout(listWithinMs);
    const containers = await this.connections.engine(id).json(EngineContainers, { method: 'GET', path: '/containers/json?all=1', signal });
    return { items: toNodeContainers(containers) };
  }

  async createJoinToken(): Promise<z.infer<typeof JoinToken>> {
    const token = makeSecret('join');
    const expiresAt = new Date(Date.now() + joinTokenLifetimeMs);
    await this.nodes.addJoinToken({ id: newId(), secretHash: hashSecret(token), expiresAt });
    return { token, expiresAt: expiresAt.toISOString() };
  }

  #change<T>(id: string, apply: (transaction: Transaction, row: NodeRow) => Promise<T>): Promise<T> {
    return this.database.transaction(async (transaction) => {
      const row = this.#found(await this.nodes.lock(transaction, id), id);
      checkIfMatch(`node ${row.name}`, row);
      return apply(transaction, row);
    });
  }

  #found(row: NodeRow | null, id: string): NodeRow {
    if (row === null) throw notFound(`there is no node ${id}`);
    return row;
  }
}
