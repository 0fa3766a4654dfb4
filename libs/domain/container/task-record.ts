import { type TaskState, type TaskStatusReport, taskStates } from '@gantry/contracts/agent-link';

/** What the agent remembers of a task: its latest status, and what it needs for deciding the next. */
export type TaskRecord = TaskStatusReport & {
  /** Starts made here while the control plane could not be reached. */
  readonly localRestarts: number;
};

const finalStates: readonly TaskState[] = ['complete', 'failed', 'rejected', 'shutdown', 'orphaned'];

/** The task will not run again; whoever wants more of it makes another. */
export function isFinal(state: TaskState): boolean {
  return finalStates.includes(state);
}

/** A task's state only moves forward, and never on from a final one. */
export function canAdvance(from: TaskState, to: TaskState): boolean {
  return !isFinal(from) && taskStates.indexOf(to) > taskStates.indexOf(from);
}
