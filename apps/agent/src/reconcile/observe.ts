import type { TaskId } from '@gantry/contracts/ids';
import type { ObservedContainer } from '@gantry/domain/container';
import type { Container, Containers } from '@gantry/runtime/containers';
import { belongsToTask, fromTaskLabels } from './task-labels.ts';

/** A task's container. Of two with one label (a copy somebody made) the older one is the task's. */
export function observeTaskContainer(containers: Pick<Containers, 'list'>, taskId: TaskId): Container | null {
  let found: Container | null = null;
  for (const container of containers.list()) {
    if (belongsToTask(container.spec.labels, taskId) && (found === null || container.createdAt < found.createdAt)) found = container;
  }
  return found;
}

/** Every task's container on this node. */
export function observeTaskContainers(containers: Pick<Containers, 'list'>): Map<TaskId, Container> {
  const byTask = new Map<TaskId, Container>();
  for (const container of containers.list()) {
    const labels = fromTaskLabels(container.spec.labels);
    if (labels === null) continue;
    const other = byTask.get(labels.taskId);
    if (other === undefined || container.createdAt < other.createdAt) byTask.set(labels.taskId, container);
  }
  return byTask;
}

export function toObservedContainer(container: Container): ObservedContainer {
  const { state } = container;
  return {
    containerId: container.id,
    status: state.status,
    health: state.health?.status ?? null,
    hasStarted: state.startedAt !== null,
    finishedAt: state.finishedAt === null ? null : Date.parse(state.finishedAt),
    exitCode: state.exitCode,
    isOutOfMemory: state.oomKilled,
    error: state.error,
    stopGraceMs: Math.max(0, container.process.stopTimeoutSeconds) * 1000,
  };
}

/** Where a running container can be reached from its node; null when it has no network of its own. */
export function addressOf(container: Container): string | null {
  if (container.state.status !== 'running') return null;
  for (const network of Object.values(container.networks)) if (network.endpoint !== null) return network.endpoint.ipv4;
  return null;
}
