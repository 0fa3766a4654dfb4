import type { ContainerState, ExitStatus } from '@gantry/contracts/executor';
import { describeError, GantryError, hasCode, notModified, operational, whileTrying, wrongState } from '@gantry/platform/errors';
import { nowNs, parseNs } from '@gantry/platform/node';
import type { createBundler } from './bundle.ts';
import { allowHairpin, type ContainerNetworking, newGateways, type PluggedEndpoint } from './container-network.ts';
import type { ContainerTable } from './container-table.ts';
import { type LiveContainer, timestamp } from './live-container.ts';
import { toContainerLog } from './log-driver.ts';
import { unmountSources } from './mount-sources.ts';
import { defaultShmBytes } from './oci/oci-mounts.ts';
import type { ContainerParts } from './parts.ts';
import { readyMounts } from './resolve-mounts.ts';
import type { AccountFiles } from './rootfs-files.ts';
import { mountSharedMemory, unmountSharedMemory } from './shared-memory.ts';

export interface RunParts extends ContainerParts {
  readonly table: ContainerTable;
  readonly networking: ContainerNetworking;
  readonly bundler: ReturnType<typeof createBundler>;
  readonly readAccounts: (
    rootfs: { overlay: { lowerDirs: string[]; upperDir: string; workDir: string } },
    layer: { upperDir: string; chainId: string | null },
  ) => Promise<AccountFiles>;
  /** A run began: health probes may start. */
  readonly onRunning: (live: LiveContainer) => void;
  /** A run that an earlier agent began goes on. */
  readonly onTakenUp: (live: LiveContainer) => void;
  /** The process has ended; called once per run. */
  readonly onExit: (live: LiveContainer, exit: ExitStatus) => void;
}

/** Docker's codes for a process that never was. */
function exitCodeOf(error: unknown): number {
  if (hasCode(error, 'command-not-found')) return 127;
  if (hasCode(error, 'permission-denied')) return 126;
  return 128;
}

export function refuseStart(live: LiveContainer): void {
  const { status } = live.record;
  if (status === 'running') throw notModified(`container ${live.id} is already started`);
  if (status === 'paused') throw wrongState('cannot start a paused container, try unpause instead');
  if (status === 'removing' || status === 'dead') throw wrongState(`container is marked for removal and cannot be started`);
}

export function createRunner(parts: RunParts) {
  const { executor, snapshots, volumes, logger, table, networking, bundler } = parts;

  async function make(live: LiveContainer, plugged: readonly PluggedEndpoint[], sources: ReadonlyMap<string, string>): Promise<void> {
    const overlay = snapshots.rootfs(live.id);
    const accounts = await parts.readAccounts({ overlay }, { upperDir: overlay.upperDir, chainId: live.record.chainId });
    const bundle = bundler.write(live, accounts, sources);
    const networks = plugged.map(({ endpoint, interfaceName }, index) => ({
      ...endpoint.attachment,
      gateways: newGateways(
        endpoint,
        plugged.slice(0, index).map((earlier) => earlier.endpoint),
      ),
      name: interfaceName,
    }));
    const { spec } = live.record;
    await executor.call('container.create', {
      containerId: live.id,
      bundle,
      rootfs: overlay,
      networks,
      stdin: spec.openStdin,
      stdinOnce: spec.stdinOnce,
      log: toContainerLog(spec.hostConfig.logConfig, table.logPath(live.id)),
    });
  }

  /** Asked of the shim itself: the server would only pass it on. */
  async function startOf(live: LiveContainer): Promise<{ pid: number; startedAt: string }> {
    try {
      return await executor.shim(live.id).start();
    } catch (cause) {
      throw hasCode(cause, 'not-found') ? operational('unavailable', 'the shim that was to start it is gone', { cause }) : cause;
    }
  }

  function begin(live: LiveContainer, pid: number): void {
    live.pid = pid;
    live.run = new AbortController();
    live.ended = Promise.withResolvers();
    void watch(live, live.run.signal);
  }

  /** Waits for the process' end by way of its shim, and asks the executor when the shim does not answer. */
  async function watch(live: LiveContainer, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const exit = await executor.shim(live.id).wait('init', { signal });
        if (!signal.aborted) parts.onExit(live, exit);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const exit = await exitOf(live, failures, error);
        if (exit !== null) {
          parts.onExit(live, exit);
          return;
        }
        await new Promise((wake) => setTimeout(wake, 200));
      }
    }
  }

  async function exitOf(live: LiveContainer, failures: number, error: unknown): Promise<ExitStatus | null> {
    const lost: ExitStatus = { code: 137, signal: 9, exitedAt: timestamp(), oomKilled: false };
    try {
      const state = await executor.call('container.state', { containerId: live.id });
      if (state.exit !== null) return state.exit;
      if (state.status === 'stopped') return lost;
    } catch (cause) {
      if (hasCode(cause, 'not-found')) return lost;
    }
    if (failures < 10) return null;
    logger.error({ containerId: live.id, reason: describeError(error) }, 'a shim is lost; ending its container');
    await executor.call('container.kill', { containerId: live.id, signal: 9, all: true }).catch(() => undefined);
    return lost;
  }

  async function connectAttached(live: LiveContainer): Promise<void> {
    const pending = [...live.pendingAttaches];
    live.pendingAttaches.clear();
    for (const attach of pending) await attach.connect(executor.shim(live.id));
  }

  async function undo(live: LiveContainer): Promise<void> {
    await executor.call('container.delete', { containerId: live.id, force: true });
    await networking.unplug(live);
    for (const mount of live.record.mounts) if (mount.type === 'volume') await volumes.unmount(mount.name, live.id);
    if (live.record.spec.hostConfig.ipcMode === 'shareable') await unmountSharedMemory(table.directory(live.id));
    await unmountSources(live.record, table.directory(live.id));
    await bundler.remove(live.id);
  }

  /** Runs in the container's queue. What a failure leaves is undone here; recording it is the caller's. */
  async function launch(live: LiveContainer): Promise<void> {
    live.isForgotten = false;
    try {
      if (live.hasUnrecordedEnd) await executor.call('container.delete', { containerId: live.id, force: true });
      live.hasUnrecordedEnd = false;
      const sources = await readyMounts(live, table.directory(live.id), parts);
      const { ipcMode, shmSizeBytes } = live.record.spec.hostConfig;
      if (ipcMode === 'shareable') await mountSharedMemory(table.directory(live.id), shmSizeBytes || defaultShmBytes);
      const plugged = await networking.plug(live);
      await networking.writeFiles(live);
      await networking.publish(live);
      await make(live, plugged, sources);
      for (const { endpoint } of plugged) await allowHairpin(endpoint.attachment.hostInterface);
      await connectAttached(live);
      const { pid, startedAt } = await startOf(live);
      begin(live, pid);
      table.save(live, { status: 'running', startedAt, exitCode: 0, oomKilled: false, error: '', wasStopped: false });
    } catch (cause) {
      await undo(live).catch((error: unknown) => logger.error({ err: error, containerId: live.id }, 'could not undo a failed start'));
      throw cause instanceof GantryError && cause.kind === 'user' ? cause : whileTrying(`start container ${live.record.name}`, cause);
    }
    for (const mount of live.record.mounts) {
      if (mount.type !== 'volume') continue;
      const attributes = {
        container: live.id,
        destination: mount.target,
        driver: mount.driver,
        propagation: mount.propagation,
        'read/write': String(!mount.readOnly),
      };
      parts.events.emit({ type: 'volume', action: 'mount', id: mount.name, attributes });
    }
    table.emit(live, 'start');
    parts.onRunning(live);
  }

  return {
    async start(live: LiveContainer): Promise<void> {
      refuseStart(live);
      if (live.restartTimer !== null) clearTimeout(live.restartTimer);
      live.restartTimer = null;
      if (live.runRecord.restartAtMs !== null) table.saveRun(live, { restartAtMs: null });
      try {
        await launch(live);
      } catch (error) {
        const exitCode = exitCodeOf(error);
        table.save(live, { status: live.record.startedAt === null ? 'created' : 'exited', exitCode, error: describeError(error), finishedAt: timestamp() });
        for (const attach of live.pendingAttaches) attach.fail(operational('failed', `container ${live.record.name} did not start`, { cause: error }));
        live.pendingAttaches.clear();
        networking.emitDisconnected(live);
        live.notify(['next-exit', 'not-running'], { exitCode, error: describeError(error) });
        throw error;
      }
    },

    /** A container found running when the agent came back. */
    takeUp(live: LiveContainer, state: ContainerState): void {
      begin(live, state.pid);
      const startedAt = state.startedAt ?? live.record.startedAt ?? timestamp();
      const found = { status: state.status === 'paused' ? 'paused' : 'running', startedAt, exitCode: 0, error: '' } as const;
      const isKnown = live.record.status === found.status && live.record.startedAt === startedAt && live.record.error === '' && live.record.exitCode === 0;
      if (!isKnown) table.save(live, found);
      parts.onTakenUp(live);
    },
  };
}

/** Whole seconds, as Docker's die event has it. */
export function ranMs(startedAt: string | null, finishedAt: string): number {
  const from = startedAt === null ? null : parseNs(startedAt);
  return from === null ? 0 : Math.max(0, Number(((parseNs(finishedAt) ?? nowNs()) - from) / 1_000_000n));
}
