import { z } from 'zod';
import { ServiceId } from '../ids/index.ts';
import { listQuery } from './list-query.ts';
import { pageOf, timestamp } from './page.ts';

export const JobRunState = z.enum(['running', 'complete', 'failed', 'cancelled', 'skipped']);
export type JobRunState = z.infer<typeof JobRunState>;

/** One run of a job or cron service. A tick that brought no run is in the history as `skipped`, with the reason. */
export const JobRun = z.object({
  serviceId: ServiceId,
  number: z.number().int().positive(),
  revision: z.number().int().positive(),
  /** The tick of the schedule; null when a person or a new spec began it. */
  dueAt: timestamp.nullable(),
  state: JobRunState,
  message: z.string(),
  /** Tasks that completed, and those that failed, each attempt counted. */
  succeeded: z.number().int().nonnegative(),
  failed: z.number().int().nonnegative(),
  startedAt: timestamp,
  endedAt: timestamp.nullable(),
});
export type JobRun = z.infer<typeof JobRun>;
export const JobRunPage = pageOf(JobRun);
export const JobRunListQuery = listQuery(JobRun, { serviceId: ServiceId, state: JobRunState.optional() });
