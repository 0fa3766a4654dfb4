import { expect, it } from 'vitest';
import type { Health } from './container.ts';
import { nextHealth, type ProbeResult, probeDelayMs } from './health-monitor.ts';
import { Healthcheck } from './spec.ts';

const check = Healthcheck.parse({ test: ['CMD', 'x'], intervalMs: 1000, startPeriodMs: 5000, startIntervalMs: 100, retries: 2 });
const starting: Health = { status: 'starting', failingStreak: 0, log: [] };
const result = (exitCode: number): ProbeResult => ({ start: 'a', end: 'b', exitCode, output: '' });

it('does not count failures in the start period', () => {
  const health = nextHealth(starting, result(1), check, 4999);
  expect(health).toMatchObject({ status: 'starting', failingStreak: 0 });
  expect(health.log).toHaveLength(1);
});

it('is unhealthy after as many failures in a row as allowed, and healthy with one success', () => {
  const once = nextHealth(starting, result(1), check, 5000);
  expect(once).toMatchObject({ status: 'starting', failingStreak: 1 });
  const twice = nextHealth(once, result(-1), check, 6000);
  expect(twice).toMatchObject({ status: 'unhealthy', failingStreak: 2 });
  expect(nextHealth(twice, result(0), check, 7000)).toMatchObject({ status: 'healthy', failingStreak: 0 });
});

it('counts failures at once when it was healthy before, also in the start period', () => {
  const healthy = nextHealth(starting, result(0), check, 100);
  expect(nextHealth(healthy, result(1), check, 200)).toMatchObject({ status: 'healthy', failingStreak: 1 });
});

it('keeps the last five results', () => {
  let health = starting;
  for (let code = 1; code <= 7; code++) health = nextHealth(health, result(code), check, 9000);
  expect(health.log.map((entry) => entry.exitCode)).toEqual([3, 4, 5, 6, 7]);
});

it('probes more often while starting', () => {
  expect(probeDelayMs(starting, check, 0)).toBe(100);
  expect(probeDelayMs(starting, check, 5000)).toBe(1000);
  expect(probeDelayMs({ ...starting, status: 'healthy' }, check, 0)).toBe(1000);
  expect(probeDelayMs(starting, Healthcheck.parse({}), 0)).toBe(30_000);
});
