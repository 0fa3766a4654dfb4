import type { TaskId } from '@gantry/contracts/ids';
import type { ObservedContainer } from '@gantry/domain/container';
import type { Container, Containers } from '@gantry/runtime/containers';
import { belongsToTask, fromTaskLabels } from './task-labels.ts';

/**
 * Which container is which task's. Where to look is remembered, what is there is always asked of the runtime: showing all containers for
 * each look at one task would cost a node with many of them dearly. `refresh` finds what others made or an earlier agent left.
 */
export class TaskContainers {
  readonly #containers: Pick<Containers, 'list' | 'find'>;
  readonly #ids = new Map<TaskId, string>();

  constructor(containers: Pick<Containers, 'list' | 'find'>) {
    this.#containers = containers;
    this.refresh();
  }

  get taskIds(): Iterable<TaskId> {
    return this.#ids.keys();
  }

  /** Of two containers with one label (a copy somebody made) the older one is the task's. */
  refresh(): void {
    this.#ids.clear();
    for (const container of this.#containers.list().toSorted((one, other) => (one.createdAt < other.createdAt ? -1 : 1))) {
      const labels = fromTaskLabels(container.spec.labels);
      if (labels !== null && !this.#ids.has(labels.taskId)) this.#ids.set(labels.taskId, container.id);
    }
  }

  add(taskId: TaskId, containerId: string): void {
    this.#ids.set(taskId, containerId);
  }

  of(taskId: TaskId): Container | null {
    const id = this.#ids.get(taskId);
    const container = id === undefined ? undefined : this.#containers.find(id);
    if (container !== undefined && belongsToTask(container.spec.labels, taskId)) return container;
    this.#ids.delete(taskId);
    return null;
  }
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
