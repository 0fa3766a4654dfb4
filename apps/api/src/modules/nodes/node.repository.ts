import type { ClusterNode, NodeListQuery } from '@gantry/contracts/http-api';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../persistence/database.ts';
import { whereLabels, whereName } from '../../persistence/where.ts';
import type { NodeRow } from './node.mapper.ts';

export type NodeFilter = Omit<NodeListQuery, 'limit' | 'cursor' | 'fields'>;

@Injectable()
export class NodeRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  find(id: string, transaction: Transaction = this.database.client): Promise<NodeRow | null> {
    return transaction.node.findUnique({ where: { id } });
  }

  findMany(ids: readonly string[]): Promise<NodeRow[]> {
    return this.database.client.node.findMany({ where: { id: { in: [...ids] } } });
  }

  /** By name and id, from after those. */
  list(filter: NodeFilter, after: { name: string; id: string } | null, limit: number): Promise<NodeRow[]> {
    const AND = [
      ...whereName(filter),
      ...whereLabels(filter.label, []).map((labels) => ({ labels })),
      ...(filter.state === undefined ? [] : [{ state: filter.state }]),
      ...(filter.availability === undefined ? [] : [{ availability: filter.availability }]),
      ...(after === null ? [] : [{ OR: [{ name: { gt: after.name } }, { name: after.name, id: { gt: after.id } }] }]),
    ];
    return this.database.client.node.findMany({ where: { AND }, orderBy: [{ name: 'asc' }, { id: 'asc' }], take: limit });
  }

  async lock(transaction: Transaction, id: string): Promise<NodeRow | null> {
    await transaction.$queryRaw`select id from node where id = ${id} for update`;
    return this.find(id, transaction);
  }

  async updateSpec(transaction: Transaction, row: NodeRow, spec: ClusterNode['spec']): Promise<void> {
    const version = row.version + 1;
    await transaction.node.update({ where: { id: row.id }, data: { ...spec, version, specVersion: version, updatedAt: new Date() } });
  }

  /** The node and its identity are gone; what it still ran is nobody's. Answers the tasks that were on it. */
  async remove(transaction: Transaction, id: string): Promise<string[]> {
    const tasks = await transaction.$queryRaw<{ id: string }[]>`
      update task set state = case when state < 'complete' then 'orphaned' else state end, desired_state = case when desired_state = 'running' then 'shutdown' else desired_state end,
        message = 'its node was removed', version = version + 1, updated_at = now()
      where node_id = ${id} returning id`;
    await transaction.node.delete({ where: { id } });
    return tasks.map((task) => task.id);
  }

  async addJoinToken(token: { id: string; secretHash: Uint8Array<ArrayBuffer>; expiresAt: Date }): Promise<void> {
    await this.database.client.joinToken.create({ data: token });
  }

  async deleteExpiredJoinTokens(): Promise<void> {
    await this.database.client.joinToken.deleteMany({ where: { expiresAt: { lt: new Date() } } });
  }

  count(): Promise<number> {
    return this.database.client.node.count();
  }
}
