import { isLive, isOld, isRunning, isStale, type Place } from './place.ts';
import type { Step } from './step.ts';
import { hasFailed } from './task.ts';
import type { ObservedTask, ServiceWorld } from './world.ts';

export interface Rollout {
  readonly steps: readonly Step[];
  /** Places with a task of an older revision, or on a node that is leaving. */
  readonly stalePlaces: number;
  /** Why nothing more is replaced; null while it goes on. */
  readonly halted: string | null;
  /** What an update that has replaced its canary waits for; null when it does not wait for that. */
  readonly canary: string | null;
}

/** Where a place stands in a rollout. */
type Standing =
  /** Nothing to do here, now or later. */
  | { readonly kind: 'settled' }
  /** It has its share of the parallelism: until that time, or until its new task runs. */
  | { readonly kind: 'busy'; readonly until: number }
  /** Its old tasks can go now: the new one runs, or they never did. */
  | { readonly kind: 'release'; readonly tasks: readonly ObservedTask[]; readonly reason: string }
  /** It runs, and has to be replaced. */
  | { readonly kind: 'waiting' };

/** A fresh task keeps its place busy until it has run for the update's delay. A restarted one is the restart policy's, not the update's. */
function standingOfFresh(world: ServiceWorld, fresh: ObservedTask): Standing {
  if (!isLive(fresh) || fresh.attempt > 0) return { kind: 'settled' };
  if (fresh.state !== 'running') return { kind: 'busy', until: Number.POSITIVE_INFINITY };
  const until = (fresh.runningAt ?? fresh.statusAt) + world.update.delayMs;
  return world.update.delayMs > 0 && until > world.now ? { kind: 'busy', until } : { kind: 'settled' };
}

function standingOf(world: ServiceWorld, place: Place): Standing {
  const stale = place.active.filter((task) => isStale(world, task));
  const fresh = place.active.find((task) => !isStale(world, task));
  if (fresh === undefined) {
    if (stale.length === 0) return { kind: 'settled' };
    // it may be running where nobody can see it: nothing takes its place before it is given up
    if (stale.some((task) => task.node === 'lost')) return { kind: 'busy', until: Number.POSITIVE_INFINITY };
    return stale.some(isRunning) ? { kind: 'waiting' } : { kind: 'release', tasks: stale, reason: 'replaced before it ran' };
  }
  if (stale.length === 0) return standingOfFresh(world, fresh);
  return isRunning(fresh) ? { kind: 'release', tasks: stale, reason: 'replaced' } : { kind: 'busy', until: Number.POSITIVE_INFINITY };
}

/** Places whose new task ended soon after its start; later ends are the restart policy's. */
function countFailures(world: ServiceWorld): number {
  const failed = world.tasks.filter(
    (task) =>
      task.revision === world.taskRevision && hasFailed(task.state) && (task.runningAt === null || task.statusAt - task.runningAt <= world.update.monitorMs),
  );
  return new Set(failed.map((task) => (world.mode.type === 'global' ? task.nodeId : task.slot))).size;
}

function findHalt(world: ServiceWorld, total: number): string | null {
  if (world.update.failureAction === 'continue') return null;
  const failures = countFailures(world);
  return failures / total > world.update.maxFailureRatio ? `${failures} of ${total} new tasks failed` : null;
}

/** Only its node is the reason to replace it. */
function isMoveOnly(world: ServiceWorld, place: Place): boolean {
  return place.active.every((task) => !isOld(world, task));
}

function replace(world: ServiceWorld, place: Place): Step[] {
  const isStartFirst = world.mode.type === 'replicated' && (isMoveOnly(world, place) || world.update.order === 'start-first');
  if (isStartFirst) return [{ action: 'create-task', slot: place.slot, nodeId: null, attempt: 0 }];
  return place.active.map(({ taskId }) => ({ action: 'shut-down-task', taskId, reason: 'replaced' }));
}

/** So many tasks leave one node at a time, whatever the update's parallelism: those that come must find room elsewhere first. */
const mostMovesPerNode = 5;

/** Of the places that wait to be moved, those that their nodes may let go now. */
function admitMoves(world: ServiceWorld, waiting: readonly Place[], places: readonly Place[]): Set<Place> {
  const leavingNode = (place: Place) => place.active.find((task) => task.node === 'leaving')?.nodeId ?? '';
  const moving = new Map<string, number>();
  const isUnderWay = (place: Place) => place.active.length > 1 && place.active.some((task) => task.node === 'leaving');
  for (const place of places.filter(isUnderWay)) moving.set(leavingNode(place), (moving.get(leavingNode(place)) ?? 0) + 1);
  const admitted = waiting.filter((place) => {
    if (!isMoveOnly(world, place)) return false;
    const under = moving.get(leavingNode(place)) ?? 0;
    moving.set(leavingNode(place), under + 1);
    return under < mostMovesPerNode;
  });
  return new Set(admitted);
}

interface Canary {
  /** Older places that may be replaced before it is promoted. */
  readonly room: number;
  readonly steps: readonly Step[];
  readonly message: string | null;
}

/** The first tasks of an update alone, until they are promoted. */
function planCanary(world: ServiceWorld, places: readonly Place[], gaps: { turning: number; filled: number }): Canary {
  const { canary, monitorMs } = world.update;
  if (canary === undefined || world.isPromoted || world.isRolledBack) return { room: Number.POSITIVE_INFINITY, steps: [], message: null };
  const { counted } = world;
  const fresh = places.flatMap((place) => place.active.find((task) => !isOld(world, task)) ?? []);
  const placed = fresh.length + counted.settled + gaps.turning + gaps.filled;
  const room = Math.max(canary.tasks - placed, 0);
  if (room > 0) return { room, steps: [], message: null };
  const isUp = gaps.turning + gaps.filled === 0 && fresh.every(isRunning) && counted.settledRunning === counted.settled;
  if (!isUp) return { room, steps: [], message: null };
  const what = `${placed} tasks run revision ${world.taskRevision} as its canary`;
  if (canary.promotion === 'manual') return { room, steps: [], message: `${what}: it waits to be promoted or aborted` };
  const since = fresh.reduce((latest, task) => Math.max(latest, task.runningAt ?? task.statusAt), counted.settledSince ?? 0);
  const message = `${what}: it is promoted when they have run for ${monitorMs / 1_000} s`;
  return { room, steps: [since + monitorMs <= world.now ? { action: 'promote' } : { action: 'wake-at', at: since + monitorMs }], message };
}

/**
 * Replaces stale tasks, some places at a time; places that have no task just
 * now (`gaps`) are busy too. What does not run is replaced at
 * once, for nothing is lost by it. A task on a leaving node is started elsewhere first, whatever the update's order.
 */
export function planRollout(world: ServiceWorld, places: readonly Place[], gaps: { turning: number; filled: number }): Rollout {
  const { counted } = world;
  const standings = places.map((place) => ({ place, standing: standingOf(world, place) }));
  const steps: Step[] = standings.flatMap(({ standing }) =>
    standing.kind === 'release' ? standing.tasks.map(({ taskId }) => ({ action: 'shut-down-task' as const, taskId, reason: standing.reason })) : [],
  );
  const stalePlaces = counted.waiting + gaps.turning + places.filter((place) => place.active.some((task) => isStale(world, task))).length;
  const isUpdating = counted.waiting + gaps.turning > 0 || places.some((place) => place.active.some((task) => isOld(world, task)));
  const canary = isUpdating ? planCanary(world, places, gaps) : { room: Number.POSITIVE_INFINITY, steps: [], message: null };
  const all = Math.max(places.length + counted.settled + counted.waiting, 1);
  const judged = Number.isFinite(canary.room) ? Math.min(world.update.canary?.tasks ?? all, all) : all;
  // of a stop-first update of all tasks at once nothing older is left to say that it is one
  const halted = (stalePlaces > 0 || !world.isSettled) && !world.isRolledBack ? findHalt(world, judged) : null;
  if (halted !== null) {
    if (world.update.failureAction === 'rollback') steps.push({ action: 'roll-back', reason: halted });
    return { steps, stalePlaces, halted, canary: null };
  }
  const waiting = standings.flatMap(({ place, standing }) => (standing.kind === 'waiting' ? [place] : []));
  const busy = standings.flatMap(({ standing }) => (standing.kind === 'busy' ? [standing.until] : []));
  const limit = world.update.parallelism === 0 ? Number.POSITIVE_INFINITY : world.update.parallelism;
  const room = Math.max(limit - busy.length - counted.settledStarting - counted.settledResting - gaps.turning - gaps.filled, 0);
  const moves = admitMoves(world, waiting, places);
  const updates = waiting.filter((place) => !isMoveOnly(world, place)).slice(0, world.isPaused ? 0 : canary.room);
  const admitted = new Set([...moves, ...updates]);
  for (const place of waiting.filter((one) => admitted.has(one)).slice(0, room)) steps.push(...replace(world, place));
  const earliest = busy.reduce((least, until) => Math.min(least, until), counted.restingUntil ?? Number.POSITIVE_INFINITY);
  if (waiting.length + counted.waiting > room && Number.isFinite(earliest)) steps.push({ action: 'wake-at', at: earliest });
  if (world.isPaused && isUpdating) return { steps, stalePlaces, halted: 'as it was asked', canary: null };
  return { steps: [...steps, ...canary.steps], stalePlaces, halted: null, canary: canary.message };
}
