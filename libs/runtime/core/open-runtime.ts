import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { hostPlatform } from '@gantry/oci/manifest';
import { invalid } from '@gantry/platform/errors';
import { holdDataDirectory, type Logger } from '@gantry/platform/node';
import { type Container, openContainerStore } from '@gantry/runtime/containers';
import { openLocalStore } from '@gantry/runtime/content';
import { createEvents } from '@gantry/runtime/events';
import { startExecutor } from '@gantry/runtime/executor';
import { openImageStore } from '@gantry/runtime/images';
import { type MetadataStore, openSqliteStore } from '@gantry/runtime/metadata';
import { openNetworkStore } from '@gantry/runtime/networks';
import { openOverlaySnapshotter } from '@gantry/runtime/snapshots';
import { openVolumeStore } from '@gantry/runtime/volumes';
import type { Runtime, RuntimeFacts, RuntimeOptions } from './runtime.ts';

/** Counts up when an older runtime could no longer read what this one writes. */
const layoutVersion = 1;
const defaultStopTimeoutSeconds = 10;

/** Everything the runtime is made of, from the bottom up; what was opened is closed in the opposite order, also when a later part fails. */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const instance = options.instance ?? 'gantry';
  if (!/^[a-z0-9]{1,8}$/.test(instance)) throw invalid(`instance name ${JSON.stringify(instance)} is not 1 to 8 of a-z and 0-9`);
  const opened = new AsyncDisposableStack();
  try {
    return await openParts(options, instance, opened);
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function openParts(options: RuntimeOptions, instance: string, opened: AsyncDisposableStack): Promise<Runtime> {
  const { logger, dataDir, stateDir } = options;

  const directory = await holdDataDirectory(dataDir, { version: layoutVersion });
  opened.defer(() => directory.release());
  await mkdir(stateDir, { recursive: true, mode: 0o711 });
  const metadata = openSqliteStore(join(dataDir, 'runtime.db'));
  opened.defer(() => metadata.close());
  const runs = openRuns(join(stateDir, 'runs.db'), logger);
  opened.defer(() => runs.close());
  const executor = await startExecutor({
    executorPath: options.executorPath,
    ...(options.ociRuntimePath === undefined ? {} : { ociRuntimePath: options.ociRuntimePath }),
    root: join(stateDir, 'executor'),
    logger,
  });
  opened.defer(() => executor.close());

  const events = createEvents();
  const content = openLocalStore({ directory: join(dataDir, 'content'), metadata, logger });
  const snapshots = openOverlaySnapshotter({ directory: join(dataDir, 'snapshots'), metadata, content, executor, logger });
  const registry = {
    insecureRegistries: options.insecureRegistries ?? [],
    mirrors: options.registryMirrors ?? [],
    ...(options.registryIdleMs === undefined ? {} : { idleMs: options.registryIdleMs }),
  };
  const images = await openImageStore({
    executor,
    content,
    snapshots,
    metadata,
    events,
    logger,
    registry,
  });
  const volumes = openVolumeStore({ directory: join(dataDir, 'volumes'), metadata, events });
  const networks = await openNetworkStore({
    metadata,
    events,
    executor,
    logger,
    instance,
    bridge: { name: options.bridge?.name ?? `${instance}0`, subnet: options.bridge?.subnet ?? null, mtu: options.bridge?.mtu ?? 1500 },
    ...(options.addressPools === undefined ? {} : { addressPools: options.addressPools }),
  });
  opened.defer(() => networks.close());

  const facts = toFacts(executor.hello);
  const containers = await openContainerStore({
    metadata,
    runs,
    events,
    executor,
    images,
    snapshots,
    networks,
    volumes,
    logger,
    settings: {
      directory: join(dataDir, 'containers'),
      bundleDirectory: join(stateDir, 'bundles'),
      cgroupParent: options.cgroupParent ?? '/gantry',
      publishAddress: options.publishAddress ?? '0.0.0.0',
      architecture: facts.architecture,
      hasSeccomp: facts.hasSeccomp,
      defaultStopTimeoutSeconds,
    },
  });
  opened.defer(() => containers.release());

  images.usedBy((imageId) => {
    const uses = (container: Container) => container.imageId === imageId || container.mounts.some(({ type, source }) => type === 'image' && source === imageId);
    const users = containers.list().filter(uses);
    const user = users.find((container) => container.state.pid > 0) ?? users[0];
    return user === undefined ? null : { containerId: user.id, isRunning: user.state.pid > 0 };
  });
  volumes.usedBy((name) =>
    containers
      .list()
      .filter((container) => container.mounts.some((mount) => mount.name === name))
      .map((container) => container.id),
  );
  for (const record of metadata.quarantined()) logger.error({ ...record, body: undefined }, 'a record could not be read and was set aside');

  return {
    facts,
    images,
    containers,
    networks,
    volumes,
    events,
    content,
    snapshots,
    executor,
    collectGarbage: () => images.collectGarbage(),
    close: () => opened.disposeAsync(),
    async withdraw() {
      const running = containers.list().filter((container) => container.state.pid > 0 || container.state.status === 'restarting');
      await Promise.all(running.map((container) => containers.stop(container.id, { timeoutSeconds: 0 })));
      await networks.withdraw();
      await opened.disposeAsync();
    },
  };
}

/** What it tells is worth much, but not a runtime that does not open. */
function openRuns(path: string, logger: Logger): MetadataStore {
  try {
    return openSqliteStore(path, { isDurable: false });
  } catch (error) {
    logger.error({ err: error, path }, 'what was noted of runs cannot be read: health, execs and back-off start anew');
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return openSqliteStore(path, { isDurable: false });
  }
}

function toFacts(hello: Awaited<ReturnType<typeof startExecutor>>['hello']): RuntimeFacts {
  return {
    cgroupVersion: hello.cgroup === 'v2' ? 2 : 1,
    controllers: hello.controllers,
    executorVersion: hello.version,
    hasOverlay: hello.overlay,
    hasSeccomp: hello.seccomp,
    architecture: hostPlatform().architecture,
    kernel: release(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
