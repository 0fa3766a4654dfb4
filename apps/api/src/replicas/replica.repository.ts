import type { NodeId } from '@gantry/contracts/ids';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.ts';

/** Where a replica is, and what proves to it that the caller belongs to the same cluster. */
export interface ReplicaAddress {
  readonly url: string;
  readonly secret: string;
}

@Injectable()
export class ReplicaRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async put(id: string, { url, secret }: ReplicaAddress): Promise<void> {
    await this.database.client.replica.upsert({ where: { id }, create: { id, url, secret }, update: { seenAt: new Date() } });
  }

  async delete(id: string): Promise<void> {
    await this.database.client.replica.deleteMany({ where: { id } });
  }

  async deleteUnseen(silentMs: number): Promise<void> {
    await this.database.client.replica.deleteMany({ where: { seenAt: { lt: new Date(Date.now() - silentMs) } } });
  }

  /** The replica that holds the node's session; null when none is known to. */
  async findHolder(nodeId: NodeId): Promise<(ReplicaAddress & { id: string }) | null> {
    const rows = await this.database.client.$queryRaw<(ReplicaAddress & { id: string })[]>`
      select r.id, r.url, r.secret from node n join replica r on r.id = n.replica_id where n.id = ${nodeId}`;
    return rows[0] ?? null;
  }
}
