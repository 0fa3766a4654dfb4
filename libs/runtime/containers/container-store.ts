import { mkdir } from 'node:fs/promises';
import { KeyedQueue } from '@gantry/platform/concurrency';
import { conflict, describeError, hasCode, notModified, wrongState } from '@gantry/platform/errors';
import { attachTo } from './attach.ts';
import { createBundler } from './bundle.ts';
import { commitContainer } from './commit.ts';
import { createContainerNetworking } from './container-network.ts';
import { openContainerTable } from './container-table.ts';
import type { Containers, WaitCondition, WaitResult } from './containers.ts';
import { createCreator } from './create-container.ts';
import { createRunEnder } from './end-run.ts';
import { createExecs } from './exec.ts';
import { createHealthMonitor } from './health-monitor.ts';
import { listProcesses, readUsage, refuseUnlessRunning } from './inspect-process.ts';
import type { LiveContainer } from './live-container.ts';
import { toContainerLog } from './log-driver.ts';
import { readLog } from './log-reader.ts';
import { checkResources, toOciResources } from './oci/resources.ts';
import type { ContainerParts } from './parts.ts';
import { recoverContainers } from './recover.ts';
import { createRemover } from './remove-container.ts';
import { longestBackOffMs } from './restart-policy.ts';
import { createAccountReader } from './rootfs-files.ts';
import { createRunner } from './run-container.ts';
import { EndpointSpec } from './spec.ts';
import { createStopper } from './stop-container.ts';

function refusePause({ id, record: { status, name } }: LiveContainer, isPaused: boolean): void {
  if (isPaused && status === 'paused') throw conflict(`container ${name} is already paused`);
  if (!isPaused && status !== 'paused') throw conflict(`container ${name} is not paused`);
  if (isPaused && status !== 'running') throw conflict(`container ${id} is not running`);
}

/** Opens what is recorded, makes it one with what runs, and hands it out. `release` stops acting on containers without touching them. */
export async function openContainerStore(parts: ContainerParts): Promise<Containers & { release(): Promise<void> }> {
  const { executor, snapshots, logger, settings } = parts;
  await mkdir(settings.directory, { recursive: true, mode: 0o711 });
  await mkdir(settings.bundleDirectory, { recursive: true, mode: 0o711 });
  const table = openContainerTable(parts);
  const queue = new KeyedQueue();
  const networking = createContainerNetworking(parts, table);
  const bundler = createBundler(parts, table);
  const runParts = { ...parts, table, networking, bundler, readAccounts: createAccountReader(executor) };
  const execs = createExecs(runParts);
  const health = createHealthMonitor(executor, table, execs);
  const create = createCreator(parts, table);
  const stopper = createStopper(parts, table, queue);
  const removeStopped = createRemover(parts, table, bundler);

  const inQueue = <T>(live: LiveContainer, work: () => Promise<T>) => queue.run(live.id, work);
  /** For what nobody waits for. */
  function inBackground(what: string, live: LiveContainer, work: () => Promise<void>): void {
    inQueue(live, work).catch((error: unknown) => logger.error({ err: error, containerId: live.id }, `could not ${what}`));
  }

  const endRun = createRunEnder({
    ...runParts,
    restart: (live) => restartByPolicy(live),
    autoRemove: (live) => inBackground('auto-remove a container', live, () => removeStopped(live, { removeVolumes: true })),
  });
  const runner = createRunner({
    ...runParts,
    onRunning: (live) => health.start(live),
    onTakenUp: (live) => {
      execs.takeUp(live);
      health.takeUp(live);
    },
    onExit: (live, exit) => inBackground("record a container's end", live, () => endRun(live, exit)),
  });

  /** When its back-off is over, which goes on while the agent is away. */
  function restartByPolicy(live: LiveContainer): void {
    const waitMs = Math.max(0, (live.runRecord.restartAtMs ?? 0) - Date.now());
    live.restartTimer = setTimeout(() => restartNow(live), Math.min(waitMs, longestBackOffMs));
  }

  function restartNow(live: LiveContainer): void {
    inBackground('restart a container', live, async () => {
      if (live.isReleased || live.record.status !== 'restarting') return;
      try {
        await runner.start(live);
      } catch (error) {
        logger.warn({ reason: describeError(error), containerId: live.id }, 'a container could not be restarted by its policy');
      }
    });
  }

  async function start(live: LiveContainer): Promise<void> {
    await inQueue(live, async () => {
      if (live.runRecord.lastDelayMs > 0) table.saveRun(live, { lastDelayMs: 0 });
      if (live.record.restartCount > 0 && live.record.status !== 'restarting') table.save(live, { restartCount: 0 });
      try {
        await runner.start(live);
      } catch (error) {
        if (live.record.spec.hostConfig.autoRemove && !live.hasProcess) await removeStopped(live, { removeVolumes: true });
        throw error;
      }
    });
  }

  function arm(live: LiveContainer, condition: WaitCondition, signal: AbortSignal | undefined): Promise<WaitResult> {
    if (condition === 'not-running' && !live.hasProcess && live.record.status !== 'restarting') {
      return Promise.resolve({ exitCode: live.record.exitCode, error: live.record.error === '' ? null : live.record.error });
    }
    const { promise, resolve, reject } = Promise.withResolvers<WaitResult>();
    const waiter = { condition, resolve };
    live.waiters.add(waiter);
    signal?.addEventListener(
      'abort',
      () => {
        live.waiters.delete(waiter);
        reject(signal.reason);
      },
      { once: true },
    );
    return promise;
  }

  /** A running container's root is looked at where it is mounted, volumes and all. */
  const rootfsOf = (live: LiveContainer) => (live.pid > 0 ? { pid: live.pid } : { overlay: snapshots.rootfs(live.id) });

  async function setPaused(live: LiveContainer, isPaused: boolean): Promise<void> {
    await inQueue(live, async () => {
      refusePause(live, isPaused);
      await executor.call(isPaused ? 'container.pause' : 'container.resume', { containerId: live.id });
      table.save(live, { status: isPaused ? 'paused' : 'running' });
      table.emit(live, isPaused ? 'pause' : 'unpause');
    });
  }

  async function remove(live: LiveContainer, options: { force?: boolean; removeVolumes?: boolean }): Promise<void> {
    if (live.record.status === 'removing') throw conflict(`removal of container ${live.record.name} is already in progress`);
    if (options.force === true) await stopper.killAndWait(live);
    await inQueue(live, async () => {
      // An auto-remove may have been quicker.
      if (table.find(live.id) === live) await removeStopped(live, { removeVolumes: options.removeVolumes ?? false });
    });
  }

  await recoverContainers(parts, table, {
    takeUp: (live, state) => runner.takeUp(live, state),
    takeExecEnds: (live) => execs.takeEnds(live),
    end: (live, exit) => inQueue(live, () => endRun(live, exit)),
    restart: restartByPolicy,
    remove: (live) => inQueue(live, () => removeStopped(live, { removeVolumes: live.record.spec.hostConfig.autoRemove })),
  });

  return {
    list: () => table.list().map((live) => table.view(live)),
    get: (reference) => table.view(table.get(reference)),
    find(reference) {
      const live = table.find(reference);
      return live === undefined ? undefined : table.view(live);
    },
    async create(request) {
      const { live, warnings } = await create(request);
      return { container: table.view(live), warnings };
    },
    start: async (reference) => start(table.get(reference)),
    stop: async (reference, options = {}) => stopper.stop(table.get(reference), options),
    kill: async (reference, signal = '') => stopper.kill(table.get(reference), signal),
    async restart(reference, options = {}) {
      const live = table.get(reference);
      try {
        await stopper.stop(live, options);
      } catch (error) {
        if (!hasCode(error, 'not-modified')) throw error;
      }
      await start(live);
      table.emit(live, 'restart');
    },
    pause: async (reference) => setPaused(table.get(reference), true),
    unpause: async (reference) => setPaused(table.get(reference), false),
    async rename(reference, name) {
      const live = table.get(reference);
      await inQueue(live, async () => {
        const before = live.record.name;
        const bare = name.startsWith('/') ? name.slice(1) : name;
        if (bare === before) throw notModified('renaming a container with the same name as its current name');
        table.rename(live, bare);
        table.emit(live, 'rename', { oldName: `/${before}` });
      });
    },
    async update(reference, changes) {
      const live = table.get(reference);
      return inQueue(live, async () => {
        const { spec } = live.record;
        const resources = { ...spec.hostConfig.resources, ...changes.resources };
        checkResources(resources);
        if (live.record.status === 'removing' || live.record.status === 'dead') throw wrongState('container is marked for removal and cannot be updated');
        if (live.hasProcess && changes.resources !== undefined) {
          const { devices: _devices, ...limits } = toOciResources(resources, spec.hostConfig.privileged);
          await executor.call('container.update', { containerId: live.id, resources: limits });
        }
        const restartPolicy = changes.restartPolicy ?? spec.hostConfig.restartPolicy;
        table.save(live, { spec: { ...spec, hostConfig: { ...spec.hostConfig, resources, restartPolicy } } });
        table.emit(live, 'update');
        return { warnings: [] };
      });
    },
    remove: async (reference, options = {}) => remove(table.get(reference), options),
    async prune({ matches = () => true } = {}) {
      const removed: string[] = [];
      let reclaimedBytes = 0;
      for (const live of table.list()) {
        if (!['created', 'exited', 'dead'].includes(live.record.status) || !matches(table.view(live))) continue;
        const bytes = await snapshots.usage(live.id);
        await remove(live, {});
        removed.push(live.id);
        reclaimedBytes += bytes;
      }
      return { removed, reclaimedBytes };
    },
    wait: async (reference, condition = 'not-running', { signal } = {}) => arm(table.get(reference), condition, signal),

    attach: async (reference, request) => attachTo(executor, table.get(reference), request),
    async resize(reference, size) {
      const live = table.get(reference);
      refuseUnlessRunning(live);
      await executor.shim(live.id).resize('init', size);
    },
    logs(reference, request) {
      const live = table.get(reference);
      const log = toContainerLog(live.record.spec.hostConfig.logConfig, table.logPath(live.id));
      if (log === null) throw wrongState('configured logging driver does not support reading');
      const isLive = () => (live.hasProcess || live.record.status === 'restarting') && !live.isReleased;
      return readLog({ path: log.path, maxFiles: log.maxFiles, isLive }, request);
    },

    execCreate: async (reference, spec) => execs.create(table.get(reference), spec),
    execStart: (execId, options) => execs.start(execId, options),
    execResize: (execId, size) => execs.resize(execId, size),
    execGet: (execId) => execs.get(execId),

    stats: async (reference) => readUsage(executor, table.get(reference)),
    top: async (reference, psArguments = '') => listProcesses(executor, table.get(reference), psArguments),
    changes: async (reference) => snapshots.changes(table.get(reference).id),
    usage: async (reference) => snapshots.usage(table.get(reference).id),
    statPath: async (reference, path) => executor.call('path.stat', { rootfs: rootfsOf(table.get(reference)), path }),
    readArchive: async (reference, path) => executor.readArchive({ rootfs: rootfsOf(table.get(reference)), path }),
    async writeArchive(reference, path, tar, options) {
      const live = table.get(reference);
      if (live.record.spec.hostConfig.readonlyRootfs) throw conflict('container rootfs is marked read-only');
      await executor.writeArchive(tar, { rootfs: rootfsOf(live), path, ...options });
    },
    async export(reference) {
      const live = table.get(reference);
      const { tar } = await executor.readArchive({ rootfs: rootfsOf(live), path: '/' });
      table.emit(live, 'export');
      return tar;
    },
    async commit(reference, request) {
      const live = table.get(reference);
      const image = await inQueue(live, () => commitContainer(parts, live, request));
      table.emit(live, 'commit', { comment: request.comment ?? '', imageID: image.id, imageRef: request.reference ?? '' });
      return image;
    },

    async connect(reference, network, endpoint = {}) {
      const live = table.get(reference);
      await inQueue(live, () => networking.connect(live, network, EndpointSpec.parse(endpoint)));
    },
    async disconnect(reference, network) {
      const live = table.get(reference);
      await inQueue(live, () => networking.disconnect(live, network));
    },

    async release() {
      for (const live of table.list()) {
        live.isReleased = true;
        live.run?.abort();
        if (live.restartTimer !== null) clearTimeout(live.restartTimer);
        for (const attach of live.pendingAttaches) attach.fail(wrongState('the agent is stopping'));
      }
      await queue.idle();
    },
  };
}
