import type { TaskSpec } from '@gantry/contracts/http-api';
import { hasFailed } from './task.ts';
import type { ObservedTask } from './world.ts';

type RestartPolicy = TaskSpec['restartPolicy'];

/** A task that ran for so long was healthy: its end starts the back-off anew. */
const steadyMs = 60_000;
const longestDelayMs = 300_000;

export type Restart = { readonly kind: 'never' } | { readonly kind: 'at'; readonly at: number; readonly attempt: number };

function ranForMs(task: ObservedTask): number {
  return task.runningAt === null ? 0 : Math.max(task.statusAt - task.runningAt, 0);
}

/**
 * Whether and when a task that ended is replaced. Swarm's policy, with one difference: a slot that keeps failing waits twice as long each
 * time, up to five minutes, so that a broken image does not keep every node busy.
 */
export function planRestart(policy: RestartPolicy, task: ObservedTask): Restart {
  if (policy.condition === 'none') return { kind: 'never' };
  if (policy.condition === 'on-failure' && !hasFailed(task.state)) return { kind: 'never' };
  const ran = ranForMs(task);
  const isForgiven = policy.windowMs > 0 && ran >= policy.windowMs;
  if (policy.maxAttempts !== undefined && !isForgiven && task.attempt >= policy.maxAttempts) return { kind: 'never' };
  const isSteady = ran >= steadyMs;
  const doublings = isSteady ? 0 : Math.min(task.attempt, 16);
  const delayMs = Math.max(Math.min(policy.delayMs * 2 ** doublings, longestDelayMs), policy.delayMs);
  return { kind: 'at', at: task.statusAt + delayMs, attempt: isForgiven || (policy.maxAttempts === undefined && isSteady) ? 1 : task.attempt + 1 };
}
