import { describeDuration, zeroTime } from '@gantry/engine-api/protocol';
import type { ContainerState } from '@gantry/engine-api/types';
import type { Container } from '@gantry/runtime/containers';

export function toState(container: Container): ContainerState {
  const { state } = container;
  const health = state.health;
  return {
    Status: state.status,
    // A paused or restarting container counts as running.
    Running: state.status === 'running' || state.status === 'paused' || state.status === 'restarting',
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: state.status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt ?? zeroTime,
    FinishedAt: state.finishedAt ?? zeroTime,
    ...(health === null
      ? {}
      : {
          Health: {
            Status: health.status,
            FailingStreak: health.failingStreak,
            Log: health.log.map((probe) => ({ Start: probe.start, End: probe.end, ExitCode: probe.exitCode, Output: probe.output })),
          },
        }),
  };
}

/** The STATUS column of `docker ps`. */
export function describeState(container: Container, nowMs: number): string {
  const { state } = container;
  const since = (time: string | null) => describeDuration(Math.max(0, nowMs - Date.parse(time ?? new Date(nowMs).toISOString())));
  switch (state.status) {
    case 'running': {
      const up = `Up ${since(state.startedAt)}`;
      if (state.health === null) return up;
      return `${up} (${state.health.status === 'starting' ? 'health: starting' : state.health.status})`;
    }
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
  }
}
