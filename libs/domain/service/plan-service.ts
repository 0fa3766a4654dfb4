import { givenUpAt, groupIntoPlaces, isGone, isLive, isRunning, isStale, type Place } from './place.ts';
import { planPlaces } from './plan-places.ts';
import { planRemoval } from './plan-removal.ts';
import { planRollout, type Rollout } from './plan-rollout.ts';
import { planRestart } from './restart.ts';
import type { Step, StepOf, UpdateStatus } from './step.ts';
import type { ServiceWorld } from './world.ts';

interface PlaceOutcome {
  readonly steps: readonly Step[];
  /** Its task ended and stays so, by the restart policy. */
  readonly isDone: boolean;
}

/** What is lost is given to another node; what ended is started again when its time has come. */
function planPlace(world: ServiceWorld, place: Place): PlaceOutcome {
  const steps: Step[] = place.lost.map(({ taskId }) => ({ action: 'shut-down-task', taskId, reason: 'its node is down' }));
  const create = (attempt: number): Step => ({ action: 'create-task', slot: place.slot, nodeId: world.mode.type === 'global' ? place.nodeId : null, attempt });
  if (place.active.length === 0) return { steps: [...steps, create(0)], isDone: false };
  const fresh = place.active.filter((task) => !isStale(world, task));
  const live = fresh.filter(isLive);
  const [current] = fresh;
  if (current === undefined) return { steps, isDone: false };
  if (live.length > 0) {
    for (const task of live) {
      const at = task.node === 'lost' ? givenUpAt(world, task) : null;
      if (at !== null) steps.push({ action: 'wake-at', at });
    }
    for (const { taskId } of fresh) if (taskId !== live[0]?.taskId) steps.push({ action: 'shut-down-task', taskId, reason: 'there is another in its place' });
    return { steps, isDone: false };
  }
  const restart = planRestart(world.restartPolicy, current);
  if (restart.kind === 'never') return { steps, isDone: true };
  if (restart.at > world.now) return { steps: [...steps, { action: 'wake-at', at: restart.at }], isDone: false };
  for (const { taskId } of fresh) steps.push({ action: 'shut-down-task', taskId, reason: 'replaced after it ended' });
  return { steps: [...steps, create(restart.attempt)], isDone: false };
}

function describePending({ tasks, counted }: ServiceWorld): string {
  const pending = tasks.filter((task) => task.desiredState === 'running' && task.state === 'pending' && task.message !== '');
  const message = pending[0]?.message ?? counted.pendingMessage;
  return message === '' ? '' : `${pending.length + counted.settledPending} tasks are pending: ${message}`;
}

function describeEnd(world: ServiceWorld, done: number): string {
  if (world.isRolledBack) return `rolled back to revision ${world.taskRevision}: the update failed or was aborted`;
  return done === 0 ? '' : `${done} tasks have ended and stay so`;
}

function toUpdate(world: ServiceWorld, desired: number, rollout: Rollout): UpdateStatus | null {
  const replacedTasks = Math.max(desired - rollout.stalePlaces, 0);
  if (world.isRolledBack) return { state: rollout.stalePlaces > 0 ? 'reverting' : 'reverted', replacedTasks };
  if (world.taskRevision === 1) return null;
  if (world.isSettled) return { state: 'completed', replacedTasks: desired };
  if (rollout.halted !== null) return { state: 'paused', replacedTasks };
  return { state: rollout.canary === null ? 'updating' : 'canary', replacedTasks };
}

/** An update is over when everything wanted has run for the time it is watched. */
function planSettling(world: ServiceWorld, standing: { isComplete: boolean; isUp: boolean }, rollout: Rollout): Step[] {
  if (world.isSettled || world.isRolledBack || rollout.stalePlaces > 0 || !standing.isComplete) return [];
  if (rollout.halted !== null && !standing.isUp) return [];
  const began = world.tasks.filter(isRunning).map((task) => task.runningAt ?? task.statusAt);
  const since = began.reduce((latest, at) => Math.max(latest, at), world.counted.settledSince ?? 0);
  const at = since + world.update.monitorMs;
  return at <= world.now ? [{ action: 'settle' }] : [{ action: 'wake-at', at }];
}

function countRunning(world: ServiceWorld): number {
  return world.tasks.filter(isRunning).length + world.counted.settledRunning + world.counted.waiting;
}

function toStatus(world: ServiceWorld, desired: number, done: number, rollout: Rollout): StepOf<'set-status'> {
  const running = countRunning(world);
  const status = { action: 'set-status', desiredTasks: desired, runningTasks: running, update: toUpdate(world, desired, rollout) } as const;
  if (rollout.halted !== null) return { ...status, state: 'updating', message: `the update is paused: ${rollout.halted}` };
  if (rollout.canary !== null) return { ...status, state: 'updating', message: rollout.canary };
  if (rollout.stalePlaces > 0) return { ...status, state: 'updating', message: `${rollout.stalePlaces} of ${desired} tasks are still to be replaced` };
  if (running + done >= desired) return { ...status, state: 'converged', message: describeEnd(world, done) };
  const pending = describePending(world);
  return pending === ''
    ? { ...status, state: 'updating', message: `${running} of ${desired} tasks are running` }
    : { ...status, state: 'pending', message: pending };
}

/**
 * All that has to be done now so that a service becomes what its spec says. Pure: the same world gives the same steps, and when they
 * have been executed and their effects seen, the next plan is shorter, until it only says the status.
 */
export function planService(world: ServiceWorld): Step[] {
  if (world.isRemoving) return planRemoval(world);
  const plan = planPlaces(world, groupIntoPlaces(world));
  const outcomes = plan.kept.map((place) => planPlace(world, place));
  const rollout = planRollout(world, plan.kept, plan);
  const removed = world.tasks.filter((task) => task.desiredState === 'remove' && isGone(task)).map(({ taskId }): Step => ({ action: 'delete-task', taskId }));
  const done = outcomes.filter((outcome) => outcome.isDone).length;
  const running = countRunning(world);
  const standing = { isComplete: plan.turning + plan.filled === 0 && running + done >= plan.desired, isUp: running >= plan.desired };
  const settling = planSettling(world, standing, rollout);
  const steps: Step[] = [...removed, ...plan.steps, ...outcomes.flatMap((outcome) => outcome.steps), ...rollout.steps, ...settling];
  const wakes = steps.filter((step) => step.action === 'wake-at');
  const earliest = wakes.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY);
  return [
    ...steps.filter((step) => step.action !== 'wake-at'),
    ...(wakes.length > 0 ? [{ action: 'wake-at' as const, at: earliest }] : []),
    toStatus(world, plan.desired, done, rollout),
  ];
}
