import type { TaskListQuery } from '@gantry/contracts/http-api';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../../persistence/database.ts';
import { type TaskRow, withTaskNames } from './task.mapper.ts';

type TaskFilter = Omit<TaskListQuery, 'limit' | 'cursor' | 'fields'>;

@Injectable()
export class TaskRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  find(id: string): Promise<TaskRow | null> {
    return this.database.client.task.findUnique({ where: { id }, include: withTaskNames });
  }

  findMany(ids: readonly string[]): Promise<TaskRow[]> {
    return this.database.client.task.findMany({ where: { id: { in: [...ids] } }, include: withTaskNames });
  }

  /** Newest first, from after the task that was made at `createdAt` and has `id`. */
  list(filter: TaskFilter, after: { createdAt: Date; id: string } | null, limit: number): Promise<TaskRow[]> {
    const AND = [
      ...(filter.serviceId === undefined ? [] : [{ serviceId: filter.serviceId }]),
      ...(filter.service === undefined ? [] : [{ service: { name: filter.service } }]),
      ...(filter.stackId === undefined ? [] : [{ service: { stackId: filter.stackId } }]),
      ...(filter.nodeId === undefined ? [] : [{ nodeId: filter.nodeId }]),
      ...(filter.node === undefined ? [] : [{ node: { name: filter.node } }]),
      ...(filter.desiredState === undefined ? [] : [{ desiredState: filter.desiredState }]),
      ...(filter.state === undefined ? [] : [{ state: filter.state }]),
      ...(filter.run === undefined ? [] : [{ runNumber: filter.run }]),
      ...(after === null ? [] : [{ OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { gt: after.id } }] }]),
    ];
    return this.database.client.task.findMany({ where: { AND }, include: withTaskNames, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: limit });
  }
}
