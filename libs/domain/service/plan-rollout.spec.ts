import { expect, test } from 'vitest';
import { buildTask, buildWorld, toNodeId } from './builders.ts';
import { planService } from './plan-service.ts';
import type { ObservedTask, ServiceWorld } from './world.ts';

type Change = Parameters<typeof buildWorld>[0];

/** Four slots on the way from revision 1 to revision 2, of which the first `fresh` have arrived. */
function updating(fresh: number, change: Change = {}, task: Partial<ObservedTask> = {}): ServiceWorld {
  const tasks = [1, 2, 3, 4].map((slot) => buildTask(slot, slot <= fresh ? { revision: 2, runningAt: 990_000, ...task } : { revision: 1 }));
  return buildWorld({
    mode: { type: 'replicated', replicas: 4 },
    taskRevision: 2,
    isSettled: false,
    tasks,
    ...change,
    update: { parallelism: 0, ...change?.update },
  });
}

const actions = (world: ServiceWorld) => planService(world).map((step) => step.action);
const canary = (tasks: number, promotion: 'manual' | 'automatic' = 'manual') => ({ update: { canary: { tasks, promotion } } });

test('a canary is as many tasks as asked for, whatever the parallelism', () => {
  expect(actions(updating(0, canary(2)))).toEqual(['shut-down-task', 'shut-down-task', 'set-status']);
  expect(actions(updating(1, canary(2)))).toEqual(['shut-down-task', 'set-status']);
});

test('a manual canary waits for a person, and says so', () => {
  expect(planService(updating(2, canary(2)))).toEqual([
    {
      action: 'set-status',
      desiredTasks: 4,
      runningTasks: 4,
      state: 'updating',
      message: '2 tasks run revision 2 as its canary: it waits to be promoted or aborted',
      update: { state: 'canary', replacedTasks: 2 },
    },
  ]);
  expect(actions(updating(2, { ...canary(2), isPromoted: true }))).toEqual(['shut-down-task', 'shut-down-task', 'set-status']);
});

test('an automatic canary is promoted when all of it has run for the time it is watched', () => {
  const watched = { update: { canary: { tasks: 2, promotion: 'automatic' as const }, monitorMs: 20_000 } };
  expect(planService(updating(2, watched))[0]).toEqual({ action: 'wake-at', at: 1_010_000 });
  expect(actions(updating(2, { ...watched, now: 1_010_000 }))).toEqual(['promote', 'set-status']);
  expect(actions(updating(2, { ...watched, now: 1_010_000 }, { state: 'starting', runningAt: null }))).toEqual(['set-status']);
});

test('of a canary the part that may fail is a part of the canary', () => {
  const world = updating(2, { update: { canary: { tasks: 2, promotion: 'automatic' }, maxFailureRatio: 0.4, failureAction: 'rollback' } });
  const [first, ...others] = world.tasks;
  if (first === undefined) throw new Error('no tasks');
  const failed = { ...world, tasks: [{ ...first, state: 'failed' as const, statusAt: 991_000 }, ...others] };
  expect(planService(failed)).toContainEqual({ action: 'roll-back', reason: '1 of 2 new tasks failed' });
});

test('a paused update replaces nothing of an older revision, and a drained node is emptied all the same', () => {
  expect(planService(updating(1, { isPaused: true })).at(-1)).toMatchObject({ state: 'updating', message: 'the update is paused: as it was asked' });
  expect(actions(updating(1, { isPaused: true }))).toEqual(['set-status']);
  expect(actions(updating(1, { isPaused: true }, { node: 'leaving' }))).toEqual(['create-task', 'set-status']);
});

test('no more than five tasks leave one node at a time, and their replacements come first', () => {
  const replicas = 14;
  const tasks = Array.from({ length: replicas }, (_, index) => buildTask(index + 1, { node: 'leaving', nodeId: toNodeId(1 + (index % 2)) }));
  const world = buildWorld({ mode: { type: 'replicated', replicas }, tasks, update: { parallelism: 0 } });
  expect(actions(world).filter((action) => action === 'create-task')).toHaveLength(10);
  const moving = tasks.slice(0, 6).map((task, index) => buildTask(100 + index, { slot: task.slot, state: 'starting', nodeId: toNodeId(3) }));
  expect(actions({ ...world, tasks: [...tasks, ...moving] }).filter((action) => action === 'create-task')).toHaveLength(4);
});

/** A stop-first update of the only replica: its old task has gone, and the new one failed at once. */
function failedAlone(change: Change = {}): ServiceWorld {
  const failed = buildTask(2, { slot: 1, revision: 2, state: 'failed', runningAt: 998_000, statusAt: 999_000 });
  const gone = buildTask(1, { slot: 1, revision: 1, state: 'shutdown', desiredState: 'shutdown' });
  return buildWorld({ taskRevision: 2, isSettled: false, tasks: [gone, failed], ...change });
}

test('an update that has left no older task goes back all the same when its tasks fail', () => {
  const update = { failureAction: 'rollback' as const };
  expect(planService(failedAlone({ update }))).toContainEqual({ action: 'roll-back', reason: '1 of 1 new tasks failed' });
  expect(actions(failedAlone({ update, isSettled: true }))).not.toContain('roll-back');
  expect(planService(failedAlone()).at(-1)).toMatchObject({ message: 'the update is paused: 1 of 1 new tasks failed', update: { state: 'paused' } });
});

test('an update is over when all its tasks have run for as long as they are watched', () => {
  const world = updating(4, { update: { monitorMs: 20_000 } });
  expect(planService(world)).toEqual([
    { action: 'wake-at', at: 1_010_000 },
    expect.objectContaining({ state: 'converged', update: { state: 'updating', replacedTasks: 4 } }),
  ]);
  expect(actions({ ...world, now: 1_010_000 })).toEqual(['settle', 'set-status']);
  expect(planService({ ...world, isSettled: true })).toEqual([expect.objectContaining({ update: { state: 'completed', replacedTasks: 4 } })]);
});

test('a service that went back says whether it is there yet', () => {
  const back = { taskRevision: 1, isRolledBack: true, update: { parallelism: 1 } };
  expect(planService({ ...updating(2), ...back, update: updating(2).update }).at(-1)).toMatchObject({ update: { state: 'reverting', replacedTasks: 2 } });
  expect(planService(updating(0, back)).at(-1)).toMatchObject({ update: { state: 'reverted', replacedTasks: 4 } });
});
