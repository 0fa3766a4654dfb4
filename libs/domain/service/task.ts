import type { TaskState } from '@gantry/contracts/http-api';
import { canAdvance, isFinal } from '../container/index.ts';

/** It has ended: nothing the agent says can change it. */
export const isTerminal = isFinal;

export function hasFailed(state: TaskState): boolean {
  return state === 'failed' || state === 'rejected' || state === 'orphaned';
}

export interface TaskStatus {
  readonly state: TaskState;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * Whether a report moves a task. States only move forward and end once; within a state the newest report wins. So a report may come
 * twice, late or out of order, and the result is the same.
 */
export function canMoveTask(current: TaskStatus, reported: TaskStatus): boolean {
  if (isFinal(current.state)) return false;
  return reported.state === current.state ? reported.at > current.at : canAdvance(current.state, reported.state);
}
