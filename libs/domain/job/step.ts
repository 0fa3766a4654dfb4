import type { JobRunState } from '@gantry/contracts/http-api';
import type { TaskId } from '@gantry/contracts/ids';
import type { StepArguments as ServiceStepArguments } from '../service/index.ts';

/** What can be done about a job, one entry an action. */
export interface JobStepArguments extends Pick<ServiceStepArguments, 'set-status' | 'wake-at'> {
  /** `dueAt`: the tick it is for; null: the spec asks for it. */
  'start-run': { readonly dueAt: number | null };
  /** The tick passes without a run, and the history says why. */
  'skip-run': { readonly dueAt: number; readonly message: string };
  'end-run': { readonly run: number; readonly state: JobRunState; readonly message: string };
  'count-run': { readonly run: number; readonly succeeded: number; readonly failed: number };
  /** It is older than the history goes, and nothing is left of its tasks. */
  'forget-run': { readonly run: number };
  'create-task': { readonly run: number; readonly slot: number; readonly attempt: number };
  'shut-down-task': { readonly taskId: TaskId; readonly reason: string };
  'remove-task': { readonly taskId: TaskId };
  'delete-task': { readonly taskId: TaskId };
  'set-due': { readonly at: number | null; readonly dueBy: string };
}
export type JobAction = keyof JobStepArguments;
export type JobStepOf<A extends JobAction> = { readonly action: A } & JobStepArguments[A];
export type JobStep = { [A in JobAction]: JobStepOf<A> }[JobAction];
