import { Inject, Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../persistence/database.ts';
import type { JobRun, JobRunState } from '../../persistence/generated/client.ts';

export type JobRunRow = JobRun;

@Injectable()
export class JobRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Newest first, from below `before`. */
  list({ serviceId, state }: { serviceId: string; state?: JobRunState | undefined }, before: number | null, limit: number): Promise<JobRunRow[]> {
    const where = { serviceId, ...(state === undefined ? {} : { state }), ...(before === null ? {} : { number: { lt: before } }) };
    return this.database.client.jobRun.findMany({ where, orderBy: { number: 'desc' }, take: limit });
  }

  find(transaction: Transaction, serviceId: string, number: number): Promise<JobRunRow | null> {
    return transaction.jobRun.findUnique({ where: { serviceId_number: { serviceId, number } } });
  }

  countRunning(transaction: Transaction, serviceId: string): Promise<number> {
    return transaction.jobRun.count({ where: { serviceId, state: 'running' } });
  }

  async insert(transaction: Transaction, serviceId: string, revision: number): Promise<JobRunRow> {
    const { _max } = await transaction.jobRun.aggregate({ where: { serviceId }, _max: { number: true } });
    return transaction.jobRun.create({ data: { serviceId, revision, number: (_max.number ?? 0) + 1 } });
  }

  cancel(transaction: Transaction, serviceId: string, number: number): Promise<JobRunRow> {
    return transaction.jobRun.update({
      where: { serviceId_number: { serviceId, number } },
      data: { state: 'cancelled', message: 'cancelled', endedAt: new Date() },
    });
  }
}
