import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';
import type { Health } from './container.ts';
import type { ContainerTable } from './container-table.ts';
import type { Execs } from './exec.ts';
import { type LiveContainer, timestamp } from './live-container.ts';
import type { Healthcheck } from './spec.ts';

const defaults = { intervalMs: 30_000, timeoutMs: 30_000, startIntervalMs: 5000, retries: 3 } as const;
const maxOutputBytes = 4096;
const keptResults = 5;
const { SIGKILL } = constants.signals;

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

export function createHealthMonitor(executor: Pick<Executor, 'shim'>, table: ContainerTable, execs: Execs) {
  async function probe(live: LiveContainer, check: Healthcheck): Promise<ProbeResult> {
    const start = timestamp();
    let output = '';
    let bytes = 0;
    const result = (exitCode: number): ProbeResult => ({ start, end: timestamp(), exitCode, output });
    try {
      const execId = execs.create(live, { cmd: command(check.test), attachStdout: true, attachStderr: true }, { isProbe: true });
      table.saveRun(live, { probeId: execId });
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

  async function watch(live: LiveContainer, check: Healthcheck, signal: AbortSignal, isTakenUp: boolean): Promise<void> {
    const sinceStartMs = () => Math.max(0, Date.now() - Date.parse(live.record.startedAt ?? timestamp()));
    // The probes of all the containers taken up together are spread.
    let share = isTakenUp ? Math.random() : 1;
    while (!signal.aborted) {
      await delay(probeDelayMs(live.runRecord.health ?? starting, check, sinceStartMs()) * share, undefined, { signal, ref: false });
      share = 1;
      if (live.record.status === 'paused') continue;
      const result = await probe(live, check);
      if (signal.aborted) return;
      const before = live.runRecord.health ?? starting;
      const health = nextHealth(before, result, check, sinceStartMs());
      table.saveRun(live, { health, probeId: null });
      if (health.status !== before.status) table.emit(live, `health_status: ${health.status}`);
    }
  }

  function begin(live: LiveContainer, health: Health, isTakenUp: boolean): void {
    const check = live.record.process.healthcheck;
    const signal = live.run?.signal;
    if (check === null || signal === undefined) return;
    table.saveRun(live, { health, probeId: null });
    watch(live, check, signal, isTakenUp).catch(() => undefined);
  }

  return {
    /** Until the run ends. */
    start: (live: LiveContainer) => begin(live, starting, false),
    /** A container taken up keeps the health it had; the probe that was under way goes, since nobody hears of it. */
    takeUp(live: LiveContainer): void {
      const { health, probeId } = live.runRecord;
      if (probeId !== null)
        executor
          .shim(live.id)
          .signal(probeId, SIGKILL)
          .catch(() => undefined);
      begin(live, health ?? starting, true);
    },
  };
}

const starting: Health = { status: 'starting', failingStreak: 0, log: [] };
