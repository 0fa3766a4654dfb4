import type { JobRun, Service } from '@gantry/contracts/http-api';
import { ServiceId } from '@gantry/contracts/ids';
import { isJobMode } from '@gantry/domain/job';
import { invalid, notFound, wrongState } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { decodeCursor, type Page, toPage } from '../../http/cursor.ts';
import { recordChanges } from '../../persistence/changes.ts';
import { checkIfMatch } from '../../persistence/conditions.ts';
import { Database, type Transaction } from '../../persistence/database.ts';
import { type ServiceRow, toService } from '../services/service.mapper.ts';
import { ServiceRepository } from '../services/service.repository.ts';
import { changesOfServices, ServiceService } from '../services/service.service.ts';
import { JobRepository, type JobRunRow } from './job.repository.ts';

function toJobRun(row: JobRunRow): JobRun {
  return {
    serviceId: ServiceId.parse(row.serviceId),
    number: row.number,
    revision: row.revision,
    dueAt: row.dueAt?.toISOString() ?? null,
    state: row.state,
    message: row.message,
    succeeded: row.succeeded,
    failed: row.failed,
    startedAt: row.startedAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

/** What people do to job and cron services, beyond what they do to every service. */
@Injectable()
export class JobService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(JobRepository) private readonly runs: JobRepository,
    @Inject(ServiceRepository) private readonly services: ServiceRepository,
    @Inject(ServiceService) private readonly changes: ServiceService,
  ) {}

  async list(query: { serviceId: string; limit: number; cursor?: string | undefined; state?: JobRun['state'] | undefined }): Promise<Page<JobRun>> {
    const { serviceId } = query;
    if ((await this.services.find(serviceId)) === null) throw notFound(`there is no service ${serviceId}`);
    const [before] = decodeCursor(query.cursor, 1) ?? [];
    if (before !== undefined && !/^\d{1,9}$/.test(before)) throw invalid('cursor is of another list', { field: 'cursor' });
    const rows = await this.runs.list(query, before === undefined ? null : Number(before), query.limit + 1);
    return toPage(rows, query.limit, (row) => [String(row.number)], toJobRun);
  }

  /** Now, whatever the schedule says. */
  run(serviceId: string): Promise<JobRun> {
    return this.#onJob(serviceId, async (transaction, row) => {
      const { mode } = toService(row).spec;
      const running = await this.runs.countRunning(transaction, row.id);
      const isAlone = mode.type === 'job' || (mode.type === 'cron' && mode.concurrency !== 'allow');
      if (running > 0 && isAlone) throw wrongState(`a run of ${row.name} has not ended: wait for it, or cancel it`);
      return toJobRun(await this.runs.insert(transaction, row.id, row.revision));
    });
  }

  cancel(serviceId: string, number: number): Promise<JobRun> {
    return this.#onJob(serviceId, async (transaction, row) => {
      const run = await this.runs.find(transaction, row.id, number);
      if (run === null) throw notFound(`${row.name} has no run ${number}: it was never there, or is kept no longer`, { field: 'number' });
      if (run.state !== 'running') throw wrongState(`run ${number} of ${row.name} has ended: it is ${run.state}`);
      return toJobRun(await this.runs.cancel(transaction, row.id, number));
    });
  }

  /** Its ticks pass without a run while it is suspended; runs under way go on. */
  suspend(serviceId: string, isSuspended: boolean): Promise<Service> {
    return this.#onJob(serviceId, async (transaction, row) => {
      const { spec } = toService(row);
      if (spec.mode.type !== 'cron') throw wrongState(`${row.name} has no schedule to suspend`);
      await this.changes.change(transaction, row, { spec: { ...spec, mode: { ...spec.mode, isSuspended } }, field: 'spec.' });
      const changed = await this.services.find(row.id, transaction);
      return toService(changed ?? row);
    });
  }

  #onJob<T>(serviceId: string, work: (transaction: Transaction, row: ServiceRow) => Promise<T>): Promise<T> {
    return this.database.transaction(async (transaction) => {
      const row = await this.services.lock(transaction, serviceId);
      if (row === null) throw notFound(`there is no service ${serviceId}`);
      checkIfMatch(`service ${row.name}`, row);
      if (row.isRemoving) throw wrongState(`service ${row.name} is being removed`);
      if (!isJobMode(toService(row).spec.mode)) throw wrongState(`service ${row.name} is no job: it has no runs`);
      const answer = await work(transaction, row);
      await recordChanges(transaction, changesOfServices([row.id]));
      return answer;
    });
  }
}
