import { isOld, isRunning, type Place } from './place.ts';
import type { Step } from './step.ts';
import type { ServiceWorld } from './world.ts';

export interface PlacePlan {
  readonly steps: readonly Step[];
  /** The places that go on. */
  readonly kept: readonly Place[];
  readonly desired: number;
  /** Places between their old task's end and their new one's start: stop-first's middle. */
  readonly turning: number;
  /** Places that get a task by this very plan. */
  readonly filled: number;
}

function shutDown(place: Place, reason: string): Step[] {
  return [...place.active, ...place.lost].map(({ taskId }) => ({ action: 'shut-down-task' as const, taskId, reason }));
}

function isHeld(place: Place): boolean {
  return place.active.length + place.lost.length > 0;
}

/** Its old task is on its way out to make room for a new one, which comes only then: stop-first's second half. */
function isTurning(world: ServiceWorld, place: Place): boolean {
  return !isHeld(place) && place.stopping.some((task) => isOld(world, task));
}

/**
 * Whom to let go: what does not run first, then from the nodes with the most of the service's tasks, so that what stays is spread. A
 * place's depth is how many of lower slots its node has: the deepest places are the ones that crowd.
 */
function chooseSurplus(places: readonly Place[], surplus: number): Set<Place> {
  const isUp = (place: Place) => place.active.some(isRunning);
  const byNode = Map.groupBy(places.filter(isUp), (place) => place.active[0]?.nodeId ?? null);
  const depth = new Map<Place, number>();
  for (const crowd of byNode.values()) for (const [index, place] of crowd.sort((a, b) => a.slot - b.slot).entries()) depth.set(place, index);
  const depthOf = (place: Place) => depth.get(place) ?? Number.POSITIVE_INFINITY;
  const ordered = [...places].sort((a, b) => (depthOf(a) === depthOf(b) ? b.slot - a.slot : depthOf(b) - depthOf(a)));
  return new Set(ordered.slice(0, Math.max(surplus, 0)));
}

function planSlots(world: ServiceWorld, replicas: number, places: readonly Place[]): PlacePlan {
  const held = places.filter(isHeld);
  const counted = world.counted.settled + world.counted.waiting;
  const surplus = chooseSurplus(held, held.length + counted - replicas);
  const steps: Step[] = [...surplus].flatMap((place) => [...place.active, ...place.lost].map(({ taskId }): Step => ({ action: 'remove-task', taskId })));
  const turning = places.filter((place) => isTurning(world, place));
  const missing = replicas - held.length - counted - turning.length;
  const taken = new Set([...world.counted.slots, ...[...held, ...turning].map((place) => place.slot)]);
  for (let slot = 1, created = 0; created < missing; slot += 1) {
    if (taken.has(slot)) continue;
    steps.push({ action: 'create-task', slot, nodeId: null, attempt: 0 });
    created += 1;
  }
  return { steps, kept: held.filter((place) => !surplus.has(place)), desired: replicas, turning: turning.length, filled: Math.max(missing, 0) };
}

function planNodes(world: ServiceWorld, places: readonly Place[]): PlacePlan {
  const keep = new Set(world.keepNodes);
  const steps: Step[] = [];
  const kept: Place[] = [];
  let turning = 0;
  const served = new Set<string>();
  for (const place of places) {
    if (place.nodeId !== null && (place.active.length > 0 || isTurning(world, place))) served.add(place.nodeId);
    if (isTurning(world, place)) turning += 1;
    if (!isHeld(place)) continue;
    if (place.nodeId !== null && keep.has(place.nodeId) && place.active.length > 0) kept.push(place);
    else steps.push(...shutDown(place, 'its node no longer runs this service'));
  }
  const unserved = world.wantedNodes.filter((nodeId) => !served.has(nodeId));
  for (const nodeId of unserved) steps.push({ action: 'create-task', slot: 0, nodeId, attempt: 0 });
  return { steps, kept, desired: new Set([...world.wantedNodes, ...kept.map((place) => place.nodeId)]).size, turning, filled: unserved.length };
}

/** Which places there should be: as many slots as wanted, or one on each wanted node. */
export function planPlaces(world: ServiceWorld, places: readonly Place[]): PlacePlan {
  return world.mode.type === 'global' ? planNodes(world, places) : planSlots(world, world.mode.replicas, places);
}
