import type { ExitStatus } from '@gantry/contracts/executor';
import { endExecs } from './exec.ts';
import type { LiveContainer } from './live-container.ts';
import { unmountSources } from './mount-sources.ts';
import { planRestart } from './restart-policy.ts';
import { type RunParts, ranMs } from './run-container.ts';
import { unmountSharedMemory } from './shared-memory.ts';

/** Made once: an error takes a while to make, with its trace. */
const over = new DOMException('the run is over', 'AbortError');

/**
 * What happens when a container's process has ended, in Docker's order: probes stop, networks go, the state is recorded and waiters are told, `die`; then a
 * restart is planned, or an auto-remove container goes. The executor forgets the run only after it is recorded, so that no exit code is ever lost.
 */
export function createRunEnder(
  parts: Omit<RunParts, 'onExit' | 'onRunning' | 'onTakenUp'> & {
    /** At its time. */ readonly restart: (live: LiveContainer) => void;
    readonly autoRemove: (live: LiveContainer) => void;
  },
) {
  const { executor, events, logger, table, networking, volumes, bundler } = parts;

  async function attempt(what: string, live: LiveContainer, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      logger.error({ err: error, containerId: live.id }, `could not ${what} of an ended container`);
    }
  }

  async function releaseMounts(live: LiveContainer): Promise<void> {
    for (const mount of live.record.mounts) {
      if (mount.type !== 'volume') continue;
      await volumes.unmount(mount.name, live.id);
    }
  }

  function emitEnd(live: LiveContainer, exitCode: number, durationMs: number): void {
    table.emit(live, 'die', { exitCode: String(exitCode), execDuration: String(Math.floor(durationMs / 1000)) });
    networking.emitDisconnected(live);
    for (const mount of live.record.mounts) {
      if (mount.type === 'volume') events.emit({ type: 'volume', action: 'unmount', id: mount.name, attributes: { container: live.id, driver: mount.driver } });
    }
  }

  /** What ended with the run in memory: probes, execs. */
  function leave(live: LiveContainer, willRestart: boolean): void {
    live.run?.abort(over);
    live.run = null;
    live.pid = 0;
    const { health } = live.runRecord;
    if (health !== null) table.saveRun(live, { health: { ...health, status: willRestart ? 'starting' : 'unhealthy' }, probeId: null });
    endExecs(table, live);
  }

  function plan(live: LiveContainer, exit: ExitStatus, durationMs: number) {
    const { spec, wasStopped, restartCount } = live.record;
    const run = { exitCode: exit.code, ranMs: durationMs, restartCount, wasStopped, lastDelayMs: live.runRecord.lastDelayMs };
    return planRestart(spec.hostConfig.restartPolicy, run, Math.random());
  }

  /** Whether it could be written. */
  function recordEnd(live: LiveContainer, exit: ExitStatus, { isRestarting, goesItself }: { isRestarting: boolean; goesItself: boolean }): boolean {
    const ended = {
      status: isRestarting ? 'restarting' : 'exited',
      exitCode: exit.code,
      oomKilled: exit.oomKilled,
      finishedAt: exit.exitedAt,
      restartCount: live.record.restartCount + (isRestarting ? 1 : 0),
    } as const;
    // Of one that goes with its end nothing is left to be asked for after a power cut; its going is recorded in a moment.
    return table.saveTruth(live, ended, goesItself ? 'soon' : 'now');
  }

  /** An end that is not recorded is told by the executor after a restart of the agent. */
  async function deleteRun(live: LiveContainer): Promise<void> {
    if (live.hasUnrecordedEnd) return;
    await Promise.all([executor.call('container.delete', { containerId: live.id, force: true }), bundler.remove(live.id)]);
    live.isForgotten = true;
  }

  /** Runs in the container's queue. */
  return async (live: LiveContainer, exit: ExitStatus): Promise<void> => {
    if (live.isReleased || live.run === null) return;
    const durationMs = ranMs(live.record.startedAt, exit.exitedAt);
    const restart = plan(live, exit, durationMs);
    leave(live, restart !== null);
    if (exit.oomKilled) table.emit(live, 'oom');
    await attempt('release the networks', live, () => networking.unplug(live));
    await attempt('release the volumes', live, () => releaseMounts(live));
    if (live.record.spec.hostConfig.ipcMode === 'shareable')
      await attempt('release the shared memory', live, () => unmountSharedMemory(table.directory(live.id)));
    await attempt('release the images', live, () => unmountSources(live.record, table.directory(live.id)));
    // Right before the record: an end that is recorded once only is planned for once only.
    if (restart !== null) table.saveRun(live, { lastDelayMs: restart.baseDelayMs, restartAtMs: Date.parse(exit.exitedAt) + restart.delayMs });
    const goesItself = restart === null && live.record.spec.hostConfig.autoRemove;
    live.hasUnrecordedEnd = !recordEnd(live, exit, { isRestarting: restart !== null, goesItself });
    emitEnd(live, exit.code, durationMs);
    live.notify(restart === null ? ['next-exit', 'not-running'] : ['next-exit'], { exitCode: exit.code, error: null });
    await attempt('delete the run', live, () => deleteRun(live));
    live.ended?.resolve();
    live.ended = null;
    if (restart !== null) {
      parts.restart(live);
    } else if (goesItself) {
      parts.autoRemove(live);
    }
  };
}
