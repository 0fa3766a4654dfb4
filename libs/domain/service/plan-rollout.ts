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

function replace(world: ServiceWorld, place: Place): Step[] {
  const isMoveOnly = place.active.every((task) => !isOld(world, task));
  const isStartFirst = world.mode.type === 'replicated' && (isMoveOnly || world.update.order === 'start-first');
  if (isStartFirst) return [{ action: 'create-task', slot: place.slot, nodeId: null, attempt: 0 }];
  return place.active.map(({ taskId }) => ({ action: 'shut-down-task', taskId, reason: 'replaced' }));
}

/**
 * Replaces stale tasks, some places at a time; places that have no task just
 * now (`gaps`) are busy too. What does not run is replaced at
 * once, for nothing is lost by it. A task on a leaving node is started elsewhere first, whatever the update's order.
 */
export function planRollout(world: ServiceWorld, places: readonly Place[], gaps: { turning: number; filled: number }): Rollout {
  const standings = places.map((place) => ({ place, standing: standingOf(world, place) }));
  const steps: Step[] = standings.flatMap(({ standing }) =>
    standing.kind === 'release' ? standing.tasks.map(({ taskId }) => ({ action: 'shut-down-task' as const, taskId, reason: standing.reason })) : [],
  );
  const { counted } = world;
  const stalePlaces = counted.waiting + gaps.turning + places.filter((place) => place.active.some((task) => isStale(world, task))).length;
  const halted = stalePlaces > 0 && !world.isRolledBack ? findHalt(world, Math.max(places.length + counted.settled + counted.waiting, 1)) : null;
  if (halted !== null) {
    if (world.update.failureAction === 'rollback') steps.push({ action: 'roll-back', reason: halted });
    return { steps, stalePlaces, halted };
  }
  const waiting = standings.filter(({ standing }) => standing.kind === 'waiting');
  const busy = standings.flatMap(({ standing }) => (standing.kind === 'busy' ? [standing.until] : []));
  const limit = world.update.parallelism === 0 ? Number.POSITIVE_INFINITY : world.update.parallelism;
  const room = Math.max(limit - busy.length - counted.settledStarting - counted.settledResting - gaps.turning - gaps.filled, 0);
  for (const { place } of waiting.slice(0, room)) steps.push(...replace(world, place));
  const earliest = busy.reduce((least, until) => Math.min(least, until), counted.restingUntil ?? Number.POSITIVE_INFINITY);
  if (waiting.length + counted.waiting > room && Number.isFinite(earliest)) steps.push({ action: 'wake-at', at: earliest });
  return { steps, stalePlaces, halted: null };
}
