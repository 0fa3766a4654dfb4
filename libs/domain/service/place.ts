import { isTerminal } from './task.ts';
import type { ObservedTask, ServiceWorld } from './world.ts';

/** A slot of a replicated service, or a node of a global one, with its tasks: what is wanted there is always one that runs. */
export interface Place {
  readonly slot: number;
  readonly nodeId: ObservedTask['nodeId'];
  /** Wanted running, not given up; of the wanted revision first. */
  readonly active: readonly ObservedTask[];
  /** Wanted running, on a node that is lost, and given up. */
  readonly lost: readonly ObservedTask[];
  /** Told to end, still there. */
  readonly stopping: readonly ObservedTask[];
}

export function isLive(task: ObservedTask): boolean {
  return !isTerminal(task.state);
}

export function isRunning(task: ObservedTask): boolean {
  return task.state === 'running' && task.desiredState === 'running' && task.node !== 'lost';
}

/** Of another revision than the one wanted: mostly an older one, after a roll-back a newer one. */
export function isOld(world: ServiceWorld, task: ObservedTask): boolean {
  return task.revision !== world.taskRevision;
}

/** No node has anything of it any more: it never had a node, has ended there, or the node is lost. */
export function isGone({ node, state }: ObservedTask): boolean {
  return node === 'none' || node === 'lost' || state === 'pending' || isTerminal(state);
}

/** To be replaced: by what is wanted now, or by its like on another node. */
export function isStale(world: ServiceWorld, task: ObservedTask): boolean {
  return isOld(world, task) || task.node === 'leaving';
}

/** When a task of a lost node may run elsewhere; null: never while it may still run there. A global service's node is gone for it at once. */
export function givenUpAt(world: ServiceWorld, task: ObservedTask): number | null {
  const lostAt = task.lostAt ?? 0;
  if (world.mode.type === 'global' || isTerminal(task.state)) return lostAt;
  switch (world.partition.policy) {
    case 'replace':
      return lostAt;
    case 'keep':
      return null;
    case 'stop':
      return lostAt + world.partition.afterMs + world.stopGraceMs;
  }
}

function isGivenUp(world: ServiceWorld, task: ObservedTask): boolean {
  if (task.node !== 'lost') return false;
  const at = givenUpAt(world, task);
  return at !== null && at <= world.now;
}

function placeKey(world: ServiceWorld, task: ObservedTask): string {
  return world.mode.type === 'global' ? (task.nodeId ?? '') : String(task.slot);
}

function toPlace(world: ServiceWorld, tasks: readonly ObservedTask[]): Place {
  const wanted = tasks.filter((task) => task.desiredState === 'running');
  const [first] = tasks;
  return {
    slot: first?.slot ?? 0,
    nodeId: first?.nodeId ?? null,
    active: wanted
      .filter((task) => !isGivenUp(world, task))
      .sort((a, b) => Number(isOld(world, a)) - Number(isOld(world, b)) || Number(isLive(b)) - Number(isLive(a)) || b.statusAt - a.statusAt),
    lost: wanted.filter((task) => isGivenUp(world, task)),
    stopping: tasks.filter((task) => task.desiredState !== 'running' && isLive(task) && task.node !== 'lost'),
  };
}

/** Places that have anything but history. */
export function groupIntoPlaces(world: ServiceWorld): Place[] {
  const byKey = Map.groupBy(world.tasks, (task) => placeKey(world, task));
  return [...byKey.values()].map((tasks) => toPlace(world, tasks)).filter((place) => place.active.length + place.lost.length + place.stopping.length > 0);
}
