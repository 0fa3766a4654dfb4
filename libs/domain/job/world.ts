import type { JobRunState, ServiceSpec, TaskSpec } from '@gantry/contracts/http-api';
import type { ObservedTask } from '../service/index.ts';

export type JobMode = Extract<ServiceSpec['mode'], { type: 'job' | 'cron' }>;

export function isJobMode(mode: ServiceSpec['mode']): mode is JobMode {
  return mode.type === 'job' || mode.type === 'cron';
}

export interface JobTask extends Pick<ObservedTask, 'taskId' | 'slot' | 'node' | 'lostAt' | 'desiredState' | 'state' | 'message' | 'statusAt'> {
  readonly run: number;
}

export interface ObservedRun {
  readonly number: number;
  readonly revision: number;
  readonly state: JobRunState;
  readonly message: string;
  readonly succeeded: number;
  readonly failed: number;
}

/** Times are milliseconds since 1970. */
export interface JobWorld {
  readonly mode: JobMode;
  /** Tasks of an older one are not what is wanted now. */
  readonly taskRevision: number;
  readonly partition: TaskSpec['partition'];
  readonly stopGraceMs: number;
  readonly runs: readonly ObservedRun[];
  readonly tasks: readonly JobTask[];
  /** The next tick, and which schedule it was found by; a schedule that has changed begins anew. */
  readonly nextDueAt: number | null;
  readonly dueBy: string;
  readonly now: number;
}
