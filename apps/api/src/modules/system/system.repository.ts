import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../../persistence/database.ts';

@Injectable()
export class SystemRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** On one connection and without looking at a task: whoever reconciles a service has counted those that run. */
  async count(): Promise<{ nodes: number; services: number; runningTasks: number }> {
    const [totals] = await this.database.client.$queryRaw<{ nodes: number; services: number; runningTasks: number }[]>`
      select (select count(*)::int from node) as nodes, count(*)::int as services, coalesce(sum(running_tasks), 0)::int as "runningTasks" from service`;
    if (totals === undefined) throw new Error('count what there is');
    return totals;
  }
}
