import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@gantry/platform/errors';
import type { Health } from './container.ts';
import type { ContainerTable } from './container-table.ts';
import type { Execs } from './exec.ts';
import { type LiveContainer, timestamp } from './live-container.ts';
import type { Healthcheck } from './spec.ts';

const defaults = { intervalMs: 30_000, timeoutMs: 30_000, startIntervalMs: 5000, retries: 3 } as const;
const maxOutputBytes = 4096;
const keptResults = 5;

export interface ProbeResult {
  readonly start: string;
  readonly end: string;
  /** 0 healthy; -1 the probe took too long. */
  readonly exitCode: number;
  readonly output: string;
}

/** Docker's rules: the first success makes it healthy, `retries` failures in a row make it unhealthy, and failures in the start period do not count. */
export function nextHealth(health: Health, result: ProbeResult, check: Healthcheck, sinceStartMs: number): Health {
  const log = [...health.log, result].slice(-keptResults);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (health.status === 'starting' && sinceStartMs < check.startPeriodMs) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { status: failingStreak >= (check.retries || defaults.retries) ? 'unhealthy' : health.status, failingStreak, log };
}

export function probeDelayMs(health: Health, check: Healthcheck, sinceStartMs: number): number {
  const isStarting = health.status === 'starting' && sinceStartMs < check.startPeriodMs;
  return isStarting ? check.startIntervalMs || defaults.startIntervalMs : check.intervalMs || defaults.intervalMs;
}

function command(test: readonly string[]): readonly string[] {
  const [kind, ...rest] = test;
  return kind === 'CMD-SHELL' ? ['/bin/sh', '-c', rest.join(' ')] : rest;
}

export function createHealthMonitor(table: ContainerTable, execs: Execs) {
  async function probe(live: LiveContainer, check: Healthcheck): Promise<ProbeResult> {
    const start = timestamp();
    let output = '';
    let bytes = 0;
    const result = (exitCode: number): ProbeResult => ({ start, end: timestamp(), exitCode, output });
    try {
      const execId = execs.create(live, { cmd: command(check.test), attachStdout: true, attachStderr: true });
      const stream = await execs.start(execId, { detach: false });
      if (stream === null) return result(-1);
      const timeoutMs = check.timeoutMs || defaults.timeoutMs;
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        execs.kill(execId).catch(() => stream.close());
      }, timeoutMs);
      try {
        for await (const chunk of stream.output) {
          const kept = chunk.bytes.subarray(0, maxOutputBytes - bytes);
          bytes += kept.length;
          output += kept.toString('utf8');
        }
      } finally {
        clearTimeout(timer);
      }
      const exit = await stream.exited;
      if (isLate) output = `Health check exceeded timeout (${timeoutMs}ms)`;
      return result(isLate || exit === null ? -1 : exit.code);
    } catch (error) {
      output = describeError(error);
      return result(-1);
    }
  }

  async function watch(live: LiveContainer, check: Healthcheck, signal: AbortSignal): Promise<void> {
    const startedAt = Date.now();
    while (!signal.aborted) {
      const sinceStartMs = Date.now() - startedAt;
      await delay(probeDelayMs(live.health ?? starting, check, sinceStartMs), undefined, { signal, ref: false });
      if (live.record.status === 'paused') continue;
      const result = await probe(live, check);
      if (signal.aborted) return;
      const before = live.health ?? starting;
      live.health = nextHealth(before, result, check, Date.now() - startedAt);
      if (live.health.status !== before.status) table.emit(live, `health_status: ${live.health.status}`);
    }
  }

  return {
    /** Until the run ends. A container taken up keeps the health it had, if this process knows it. */
    start(live: LiveContainer): void {
      const check = live.record.process.healthcheck;
      const signal = live.run?.signal;
      if (check === null || signal === undefined) {
        live.health = null;
        return;
      }
      live.health = starting;
      watch(live, check, signal).catch(() => undefined);
    },
  };
}

const starting: Health = { status: 'starting', failingStreak: 0, log: [] };
