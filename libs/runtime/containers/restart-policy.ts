import type { RestartPolicy } from './spec.ts';

export interface EndedRun {
  readonly exitCode: number;
  readonly ranMs: number;
  /** Restarts the policy has made since the container was last started by hand. */
  readonly restartCount: number;
  /** Stopped or killed on somebody's request. */
  readonly wasStopped: boolean;
  /** What was waited before this run; 0: nothing. */
  readonly lastDelayMs: number;
}

const firstDelayMs = 100;
const longestDelayMs = 60_000;
const longestSpread = 0.2;
/** No wait is longer, whatever happens to the clock. */
export const longestBackOffMs = longestDelayMs * (1 + longestSpread);
/** A run of this length counts as a success: the next failure starts over. */
const healthyRunMs = 10_000;

/** Whether to start again, and after how long: doubling from 100 ms to a minute. Null: not at all. `random` in [0, 1) spreads those that failed together. */
export function planRestart(policy: RestartPolicy, run: EndedRun, random: number): { delayMs: number; baseDelayMs: number } | null {
  if (run.wasStopped) return null;
  const isWanted =
    policy.name === 'always' ||
    policy.name === 'unless-stopped' ||
    (policy.name === 'on-failure' && run.exitCode !== 0 && (policy.maximumRetryCount === 0 || run.restartCount < policy.maximumRetryCount));
  if (!isWanted) return null;
  const baseDelayMs = run.ranMs >= healthyRunMs || run.lastDelayMs === 0 ? firstDelayMs : Math.min(run.lastDelayMs * 2, longestDelayMs);
  return { delayMs: Math.round(baseDelayMs * (1 + random * longestSpread)), baseDelayMs };
}

/** When the agent comes back and finds the container not running, with nothing new having ended. */
export function shouldStartAtBoot(
  policy: RestartPolicy,
  container: { wasStopped: boolean; wasRunning: boolean; exitCode: number; restartCount: number },
): boolean {
  if (policy.name === 'always') return container.wasRunning || container.wasStopped;
  if (policy.name === 'unless-stopped') return container.wasRunning && !container.wasStopped;
  const mayTryAgain = policy.maximumRetryCount === 0 || container.restartCount < policy.maximumRetryCount;
  return policy.name === 'on-failure' && container.wasRunning && !container.wasStopped && container.exitCode !== 0 && mayTryAgain;
}
