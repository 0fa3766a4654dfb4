import { describe, expect, it } from 'vitest';
import { planRestart, shouldStartAtBoot } from './restart-policy.ts';

const run = { exitCode: 1, ranMs: 5, restartCount: 0, wasStopped: false, lastDelayMs: 0 };
const policy = (name: 'no' | 'always' | 'unless-stopped' | 'on-failure', maximumRetryCount = 0) => ({ name, maximumRetryCount });

describe('planRestart', () => {
  it.each([
    [policy('no'), run, null],
    [policy('always'), run, 100],
    [policy('always'), { ...run, exitCode: 0 }, 100],
    [policy('always'), { ...run, wasStopped: true }, null],
    [policy('unless-stopped'), { ...run, exitCode: 0 }, 100],
    [policy('on-failure'), { ...run, exitCode: 0 }, null],
    [policy('on-failure'), { ...run, restartCount: 900 }, 100],
    [policy('on-failure', 2), { ...run, restartCount: 1 }, 100],
    [policy('on-failure', 2), { ...run, restartCount: 2 }, null],
    [policy('always'), { ...run, lastDelayMs: 100 }, 200],
    [policy('always'), { ...run, lastDelayMs: 51_200 }, 60_000],
    [policy('always'), { ...run, lastDelayMs: 51_200, ranMs: 10_000 }, 100],
  ])('%j after %j', (wanted, ended, delayMs) => {
    expect(planRestart(wanted, ended, 0)?.delayMs ?? null).toBe(delayMs);
  });

  it('spreads by at most a fifth, and does not let the spread grow', () => {
    expect(planRestart(policy('always'), { ...run, lastDelayMs: 500 }, 0.999)).toEqual({ delayMs: 1200, baseDelayMs: 1000 });
  });
});

it('starts at boot what was running, and what its policy always wants', () => {
  const stopped = { wasStopped: true, wasRunning: false, exitCode: 0, restartCount: 0 };
  const lost = { wasStopped: false, wasRunning: true, exitCode: 255, restartCount: 0 };
  const never = { wasStopped: false, wasRunning: false, exitCode: 0, restartCount: 0 };
  const names = ['no', 'always', 'unless-stopped', 'on-failure'] as const;
  expect(names.filter((name) => shouldStartAtBoot(policy(name), stopped))).toEqual(['always']);
  expect(names.filter((name) => shouldStartAtBoot(policy(name), lost))).toEqual(['always', 'unless-stopped', 'on-failure']);
  expect(names.filter((name) => shouldStartAtBoot(policy(name), never))).toEqual([]);
  expect([1, 2, 3].filter((restartCount) => shouldStartAtBoot(policy('on-failure', 2), { ...lost, restartCount }))).toEqual([1]);
});
