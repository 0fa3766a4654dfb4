import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerState, ExitStatus } from '@gantry/contracts/executor';
import type { ContainerTable } from './container-table.ts';
import { endExecs } from './exec.ts';
import { type LiveContainer, timestamp } from './live-container.ts';
import { unmountBeneath } from './mount-sources.ts';
import type { ContainerParts } from './parts.ts';
import { shouldStartAtBoot } from './restart-policy.ts';

export interface RecoverySteps {
  readonly takeUp: (live: LiveContainer, state: ContainerState) => void;
  readonly takeExecEnds: (live: LiveContainer) => Promise<void>;
  /** As when it had been watched all the time. */
  readonly end: (live: LiveContainer, exit: ExitStatus) => Promise<void>;
  /** When its back-off is over. */
  readonly restart: (live: LiveContainer) => void;
  readonly remove: (live: LiveContainer) => Promise<void>;
}

/** Docker's code for a process that was lost with its host. */
const lostExitCode = 255;

/**
 * Makes records and reality one again after the agent, or the host, was away. The executor's states are what really is:
 *
 *   running, paused       → watched again, whatever the record says (a start may not have been recorded any more)
 *   stopped               → ended now, with its true exit code and time; unless that end was recorded already
 *   created               → the start never happened: forgotten
 *   none, record running  → lost with the host: 255
 */
export async function recoverContainers(parts: ContainerParts, table: ContainerTable, steps: RecoverySteps): Promise<void> {
  const { executor, logger } = parts;
  const { containers } = await executor.call('container.list', {});
  const states = new Map(containers.map((state) => [state.containerId, state]));

  async function forget(containerId: string): Promise<void> {
    await executor.call('container.delete', { containerId, force: true });
  }

  /** Its process is not there and nobody can say how it ended. */
  async function recoverLost(live: LiveContainer): Promise<void> {
    const { status, wasStopped, spec, exitCode, restartCount } = live.record;
    const wasRunning = live.hasProcess;
    if (live.hasProcess) {
      table.save(live, { status: 'exited', exitCode: lostExitCode, finishedAt: timestamp() });
      table.emit(live, 'die', { exitCode: String(lostExitCode), execDuration: '0' });
    }
    endExecs(table, live);
    await cleanUp(live);
    // Decided before the agent went: only the rest of the wait is left.
    if (status === 'restarting') return steps.restart(live);
    const ended = { wasStopped, wasRunning, restartCount, exitCode: wasRunning ? lostExitCode : exitCode };
    if (shouldStartAtBoot(spec.hostConfig.restartPolicy, ended)) {
      table.save(live, { status: 'restarting', restartCount: wasRunning ? restartCount + 1 : 0 });
      return steps.restart(live);
    }
    if (spec.hostConfig.autoRemove && live.record.finishedAt !== null) await steps.remove(live);
  }

  async function recover(live: LiveContainer, state: ContainerState | undefined): Promise<void> {
    const { status, startedAt } = live.record;
    if (status === 'removing' || status === 'dead') return steps.remove(live);
    if (state?.status === 'running' || state?.status === 'paused') return steps.takeUp(live, state);
    const isUnrecordedEnd = state?.status === 'stopped' && state.startedAt !== null && (live.hasProcess || state.startedAt !== startedAt);
    if (state !== undefined && isUnrecordedEnd) {
      await steps.takeExecEnds(live);
      steps.takeUp(live, state);
      return steps.end(live, state.exit ?? { code: lostExitCode, signal: null, exitedAt: timestamp(), oomKilled: false });
    }
    if (state !== undefined) await forget(live.id);
    return recoverLost(live);
  }

  async function cleanUp(live: LiveContainer): Promise<void> {
    await parts.networks.ports.release(live.id);
    for (const endpoint of parts.networks.endpointsOf(live.id)) await parts.networks.release(endpoint.networkId, live.id);
  }

  for (const live of table.list()) {
    try {
      await recover(live, states.get(live.id));
    } catch (error) {
      // One bad container takes no other down; it is shown as it was recorded.
      logger.error({ err: error, containerId: live.id }, 'could not take a container up again');
    }
  }
  await removeStrays(parts, table, containers);
}

/** What belongs to no record: a create or a removal that was cut off. */
async function removeStrays(parts: ContainerParts, table: ContainerTable, states: readonly ContainerState[]): Promise<void> {
  const { executor, networks, snapshots, settings } = parts;
  const known = new Set(table.list().map((live) => live.id));
  for (const { containerId } of states) if (!known.has(containerId)) await executor.call('container.delete', { containerId, force: true });
  for (const key of snapshots.keys()) if (!known.has(key)) await snapshots.remove(key);
  for (const network of networks.list()) {
    if (network.driver !== 'bridge') continue;
    for (const endpoint of networks.endpoints(network.id)) if (!known.has(endpoint.containerId)) await networks.release(network.id, endpoint.containerId);
  }
  for (const directory of [settings.directory, settings.bundleDirectory]) {
    for (const name of await readdir(directory)) {
      if (known.has(name)) continue;
      await unmountBeneath(join(directory, name));
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}
