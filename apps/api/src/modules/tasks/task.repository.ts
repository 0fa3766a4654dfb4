import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../../persistence/database.ts';
import { type TaskRow, withTaskNames } from './task.mapper.ts';

export interface TaskFilter {
  readonly serviceId?: string | undefined;
  readonly nodeId?: string | undefined;
  readonly desiredState?: 'running' | 'shutdown' | 'remove' | undefined;
}

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
    const where = {
      ...(filter.serviceId === undefined ? {} : { serviceId: filter.serviceId }),
      ...(filter.nodeId === undefined ? {} : { nodeId: filter.nodeId }),
      ...(filter.desiredState === undefined ? {} : { desiredState: filter.desiredState }),
      ...(after === null ? {} : { OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { gt: after.id } }] }),
    };
    return this.database.client.task.findMany({ where, include: withTaskNames, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: limit });
  }

  countRunning(): Promise<number> {
    return this.database.client.task.count({ where: { state: 'running', desiredState: 'running' } });
  }
}
