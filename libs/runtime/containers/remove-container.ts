import { rm } from 'node:fs/promises';
import { conflict, hasCode, whileTrying } from '@gantry/platform/errors';
import type { createBundler } from './bundle.ts';
import type { ContainerTable } from './container-table.ts';
import type { LiveContainer } from './live-container.ts';
import { unmountSources } from './mount-sources.ts';
import type { ContainerParts } from './parts.ts';
import { unmountSharedMemory } from './shared-memory.ts';

/** Takes a container that does not run away for good. Begun removals are finished at the next start of the agent. */
export function createRemover(parts: ContainerParts, table: ContainerTable, bundler: ReturnType<typeof createBundler>) {
  const { executor, snapshots, volumes, networks, logger } = parts;

  async function removeVolumes(live: LiveContainer): Promise<void> {
    for (const mount of live.record.mounts) {
      if (mount.type !== 'volume' || volumes.find(mount.name)?.isAnonymous !== true) continue;
      try {
        await volumes.remove(mount.name);
      } catch (error) {
        if (!hasCode(error, 'conflict') && !hasCode(error, 'not-found')) throw error;
      }
    }
  }

  /** Runs in the container's queue. */
  return async (live: LiveContainer, options: { removeVolumes: boolean }): Promise<void> => {
    const { status, name, exitCode } = live.record;
    if (status === 'running' || status === 'paused' || status === 'restarting') {
      throw conflict(`cannot remove container "${name}": container is ${status}: stop the container before removing or force remove`);
    }
    // One that goes by itself goes after a power cut too, whatever its record says.
    table.save(live, { status: 'removing' }, live.record.spec.hostConfig.autoRemove && live.record.finishedAt !== null ? 'soon' : 'now');
    try {
      if (!live.isForgotten) await executor.call('container.delete', { containerId: live.id, force: true });
      await networks.ports.release(live.id);
      for (const endpoint of networks.endpointsOf(live.id)) await networks.release(endpoint.networkId, live.id);
      if (!live.isForgotten) await bundler.remove(live.id);
      await snapshots.remove(live.id);
      if (live.record.spec.hostConfig.ipcMode === 'shareable') await unmountSharedMemory(table.directory(live.id));
      await unmountSources(live.record, table.directory(live.id));
      await rm(table.directory(live.id), { recursive: true, force: true });
    } catch (cause) {
      table.save(live, { status: 'dead' });
      throw whileTrying(`remove container ${name}`, cause);
    }
    table.drop(live);
    if (options.removeVolumes)
      await removeVolumes(live).catch((error: unknown) => logger.error({ err: error, containerId: live.id }, "could not remove a container's volumes"));
    table.emit(live, 'destroy');
    live.notify(['removed', 'not-running', 'next-exit'], { exitCode, error: null });
    for (const attach of live.pendingAttaches) attach.fail(conflict(`container ${name} was removed`));
    live.pendingAttaches.clear();
  };
}
