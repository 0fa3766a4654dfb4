import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyedQueue } from '@gantry/platform/concurrency';
import { hasCode, notModified, operational, wrongState } from '@gantry/platform/errors';
import type { ContainerTable } from './container-table.ts';
import type { LiveContainer } from './live-container.ts';
import type { ContainerParts } from './parts.ts';
import { parseSignal } from './signals.ts';

const { SIGKILL, SIGCONT } = constants.signals;
/** Until a killed process is gone; a process in the kernel's hands (D state) may take longer than we wait. */
const killWaitMs = 30_000;

export interface Stopper {
  stop(live: LiveContainer, options: { timeoutSeconds?: number; signal?: string }): Promise<void>;
  kill(live: LiveContainer, signal: string): Promise<void>;
  /** SIGKILL, and until its end is recorded; does nothing to one that does not run. */
  killAndWait(live: LiveContainer): Promise<void>;
}

/** Ending processes. Outside the container's queue: the end itself is handled in it. */
export function createStopper(parts: ContainerParts, table: ContainerTable, queue: KeyedQueue): Stopper {
  const { executor } = parts;

  async function send(live: LiveContainer, signal: number, all = false): Promise<void> {
    try {
      await executor.call('container.kill', { containerId: live.id, signal, all });
    } catch (error) {
      // Gone meanwhile: its end is on its way to us.
      if (!hasCode(error, 'not-found') && !hasCode(error, 'wrong-state')) throw error;
    }
  }

  /** False when it did not end in time. */
  async function hasEnded(live: LiveContainer, timeoutMs: number): Promise<boolean> {
    const { ended } = live;
    if (ended === null) return true;
    if (timeoutMs < 0) {
      await ended.promise;
      return true;
    }
    const timer = new AbortController();
    const late = delay(timeoutMs, false, { signal: timer.signal, ref: false }).catch(() => false);
    const result = await Promise.race([ended.promise.then(() => true), late]);
    timer.abort();
    return result;
  }

  /** Frozen processes get no signals. */
  async function thaw(live: LiveContainer): Promise<void> {
    if (live.record.status !== 'paused') return;
    await executor.call('container.resume', { containerId: live.id }).catch((error: unknown) => {
      if (!hasCode(error, 'wrong-state') && !hasCode(error, 'not-found')) throw error;
    });
    table.save(live, { status: 'running' });
  }

  /** A restart that is only planned is called off; true if that was all there was to do. In the queue: a start may be under way already. */
  async function callOffRestart(live: LiveContainer): Promise<boolean> {
    if (live.record.status !== 'restarting') return false;
    return queue.run(live.id, async () => {
      if (live.record.status !== 'restarting') return false;
      if (live.restartTimer !== null) clearTimeout(live.restartTimer);
      live.restartTimer = null;
      table.save(live, { status: 'exited', wasStopped: true });
      live.notify(['not-running'], { exitCode: live.record.exitCode, error: null });
      return true;
    });
  }

  async function end(live: LiveContainer): Promise<void> {
    await send(live, SIGKILL, true);
    if (!(await hasEnded(live, killWaitMs))) throw operational('timeout', `container ${live.record.name} does not end, ${killWaitMs / 1000} s after SIGKILL`);
  }

  return {
    async stop(live, { timeoutSeconds, signal }) {
      if (await callOffRestart(live)) {
        table.emit(live, 'stop');
        return;
      }
      if (!live.hasProcess) throw notModified(`container ${live.id} is already stopped`);
      const number = parseSignal(signal === undefined || signal === '' ? live.record.process.stopSignal : signal);
      table.save(live, { wasStopped: true });
      await thaw(live);
      table.emit(live, 'kill', { signal: String(number) });
      await send(live, number);
      const waitSeconds = timeoutSeconds ?? live.record.process.stopTimeoutSeconds;
      if (!(await hasEnded(live, waitSeconds < 0 ? -1 : waitSeconds * 1000))) {
        table.emit(live, 'kill', { signal: String(SIGKILL) });
        await end(live);
      }
      table.emit(live, 'stop');
    },
    async kill(live, signal) {
      const number = parseSignal(signal);
      if (!live.hasProcess) throw wrongState(`cannot kill container: ${live.record.name}: container ${live.id} is not running`);
      // Docker takes a fatal signal as a wish to stop; others leave the restart policy alone.
      if (number === SIGKILL || number === parseSignal(live.record.process.stopSignal)) table.save(live, { wasStopped: true });
      if (number === SIGKILL || number === SIGCONT) await thaw(live);
      await executor.call('container.kill', { containerId: live.id, signal: number, all: false });
      table.emit(live, 'kill', { signal: String(number) });
      if (number === SIGKILL) await hasEnded(live, 10_000);
    },
    async killAndWait(live) {
      await callOffRestart(live);
      if (!live.hasProcess) return;
      table.save(live, { wasStopped: true });
      await thaw(live);
      table.emit(live, 'kill', { signal: String(SIGKILL) });
      await end(live);
    },
  };
}
