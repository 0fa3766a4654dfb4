import { expect, test } from 'vitest';
import { buildTask, buildWorld, toNodeId, toTaskId } from './builders.ts';
import { planService } from './plan-service.ts';
import type { Action, Step, StepOf } from './step.ts';
import type { ServiceWorld } from './world.ts';

function stepsOf<A extends Action>(world: ServiceWorld, action: A): (Step & StepOf<A>)[] {
  return planService(world).filter((step): step is Step & StepOf<A> => step.action === action);
}

function statusOf(world: ServiceWorld) {
  return stepsOf(world, 'set-status')[0];
}

function replicas(count: number): Pick<ServiceWorld, 'mode'> {
  return { mode: { type: 'replicated', replicas: count } };
}

test('a new service gets a task for each slot', () => {
  expect(stepsOf(buildWorld(replicas(3)), 'create-task').map((step) => step.slot)).toEqual([1, 2, 3]);
});

test('a service that is as it should be gets nothing but its status', () => {
  const world = buildWorld({ ...replicas(2), tasks: [buildTask(1), buildTask(2)] });
  expect(planService(world)).toEqual([{ action: 'set-status', desiredTasks: 2, runningTasks: 2, state: 'converged', message: '', update: null }]);
});

test('scaling up fills the lowest free slots', () => {
  const world = buildWorld({ ...replicas(4), tasks: [buildTask(2), buildTask(4)] });
  expect(stepsOf(world, 'create-task').map((step) => step.slot)).toEqual([1, 3]);
});

test('scaling down takes what does not run first, then from the most crowded node', () => {
  const tasks = [buildTask(1), buildTask(2), buildTask(3), buildTask(4, { nodeId: toNodeId(2) }), buildTask(5, { nodeId: toNodeId(3), state: 'starting' })];
  const gone = stepsOf(buildWorld({ ...replicas(2), tasks }), 'remove-task').map((step) => step.taskId);
  expect(gone.sort()).toEqual([toTaskId(2), toTaskId(3), toTaskId(5)]);
});

test('tasks of a lost node are given away at once, in the same slots', () => {
  const world = buildWorld({ ...replicas(2), tasks: [buildTask(1, { node: 'lost' }), buildTask(2, { nodeId: toNodeId(2) })] });
  expect(stepsOf(world, 'shut-down-task').map((step) => step.taskId)).toEqual([toTaskId(1)]);
  expect(stepsOf(world, 'create-task')).toEqual([{ action: 'create-task', slot: 1, nodeId: null, attempt: 0 }]);
});

test('a task that may not run twice is given up only when its node must have stopped it, or never', () => {
  const lost = buildTask(1, { node: 'lost', lostAt: 1_000_000 });
  const stop = buildWorld({ tasks: [lost], partition: { policy: 'stop', afterMs: 60_000 }, stopGraceMs: 5_000 });
  expect(stepsOf(stop, 'create-task')).toEqual([]);
  expect(stepsOf(stop, 'wake-at')).toEqual([{ action: 'wake-at', at: 1_065_000 }]);
  expect(stepsOf({ ...stop, now: 1_065_000 }, 'create-task')).toHaveLength(1);
  const keep = buildWorld({ tasks: [lost], partition: { policy: 'keep' }, now: 9_000_000 });
  expect(stepsOf(keep, 'create-task')).toEqual([]);
  expect(stepsOf({ ...keep, taskRevision: 2 }, 'shut-down-task')).toEqual([]);
  expect(statusOf(keep)).toMatchObject({ state: 'updating', runningTasks: 0 });
});

test('an ended task waits for the delay, which doubles with each attempt', () => {
  const ended = (attempt: number) => buildTask(1, { state: 'failed', attempt, statusAt: 1_000_000, runningAt: 999_000 });
  expect(stepsOf(buildWorld({ tasks: [ended(0)] }), 'wake-at')).toEqual([{ action: 'wake-at', at: 1_005_000 }]);
  expect(stepsOf(buildWorld({ tasks: [ended(2)] }), 'wake-at')).toEqual([{ action: 'wake-at', at: 1_020_000 }]);
  expect(stepsOf(buildWorld({ tasks: [ended(0)], now: 1_005_000 }), 'create-task')).toMatchObject([{ slot: 1, attempt: 1 }]);
});

test('a task that ran for long is restarted after the plain delay', () => {
  const ended = buildTask(1, { state: 'failed', attempt: 9, statusAt: 1_000_000, runningAt: 900_000 });
  expect(stepsOf(buildWorld({ tasks: [ended] }), 'wake-at')).toEqual([{ action: 'wake-at', at: 1_005_000 }]);
});

test.each([
  ['none', 'failed', 0],
  ['on-failure', 'complete', 0],
  ['on-failure', 'failed', 1],
  ['any', 'complete', 1],
] as const)('condition %s after %s restarts %i', (condition, state, restarts) => {
  const world = buildWorld({ tasks: [buildTask(1, { state })], restartPolicy: { condition, delayMs: 0 } });
  expect(stepsOf(world, 'create-task')).toHaveLength(restarts);
});

test('attempts run out, and the service says that it is done', () => {
  const world = buildWorld({ tasks: [buildTask(1, { state: 'failed', attempt: 3, runningAt: null })], restartPolicy: { delayMs: 0, maxAttempts: 3 } });
  expect(stepsOf(world, 'create-task')).toEqual([]);
  expect(statusOf(world)).toMatchObject({ state: 'converged', message: '1 tasks have ended and stay so' });
});

test('a rollout replaces as many as may be at once, and no more while one is under way', () => {
  const old = [buildTask(1), buildTask(2), buildTask(3)];
  expect(stepsOf(buildWorld({ ...replicas(3), taskRevision: 2, tasks: old }), 'shut-down-task')).toHaveLength(1);
  expect(stepsOf(buildWorld({ ...replicas(3), taskRevision: 2, tasks: old, update: { parallelism: 0 } }), 'shut-down-task')).toHaveLength(3);
  const stopping = buildTask(3, { desiredState: 'shutdown' });
  expect(stepsOf(buildWorld({ ...replicas(3), taskRevision: 2, tasks: [...old.slice(0, 2), stopping] }), 'shut-down-task')).toEqual([]);
  const ended = buildTask(3, { desiredState: 'shutdown', state: 'shutdown' });
  const refill = buildWorld({ ...replicas(3), taskRevision: 2, tasks: [...old.slice(0, 2), ended] });
  expect(stepsOf(refill, 'create-task').map((step) => step.slot)).toEqual([3]);
  expect(stepsOf(refill, 'shut-down-task')).toEqual([]);
});

test('a rollout rests after each task', () => {
  const fresh = buildTask(2, { revision: 2, runningAt: 999_000 });
  const world = buildWorld({ ...replicas(2), taskRevision: 2, tasks: [buildTask(1), fresh], update: { delayMs: 5_000 } });
  expect(stepsOf(world, 'shut-down-task')).toEqual([]);
  expect(stepsOf(world, 'wake-at')).toEqual([{ action: 'wake-at', at: 1_004_000 }]);
  expect(stepsOf({ ...world, now: 1_004_000 }, 'shut-down-task')).toHaveLength(1);
});

test('start-first makes the new task before the old one goes', () => {
  const world = buildWorld({ taskRevision: 2, tasks: [buildTask(1)], update: { order: 'start-first' } });
  expect(stepsOf(world, 'shut-down-task')).toEqual([]);
  expect(stepsOf(world, 'create-task')).toMatchObject([{ slot: 1 }]);
  const starting = buildTask(2, { slot: 1, revision: 2, state: 'starting', runningAt: null });
  expect(stepsOf({ ...world, tasks: [buildTask(1), starting] }, 'shut-down-task')).toEqual([]);
  const running = buildTask(2, { slot: 1, revision: 2 });
  expect(stepsOf({ ...world, tasks: [buildTask(1), running] }, 'shut-down-task').map((step) => step.taskId)).toEqual([toTaskId(1)]);
});

test('too many failures halt a rollout; by policy it goes back, once', () => {
  const failed = buildTask(9, { slot: 3, revision: 2, state: 'failed', statusAt: 999_500, runningAt: 999_000 });
  const world = buildWorld({ ...replicas(3), taskRevision: 2, tasks: [buildTask(1), buildTask(2), failed] });
  expect(stepsOf(world, 'shut-down-task')).toEqual([]);
  expect(statusOf(world)).toMatchObject({ state: 'updating', message: 'the update is paused: 1 of 3 new tasks failed' });
  const rollingBack = { ...world, update: { ...world.update, failureAction: 'rollback' as const } };
  expect(stepsOf(rollingBack, 'roll-back')).toHaveLength(1);
  expect(stepsOf({ ...rollingBack, taskRevision: 1, isRolledBack: true }, 'roll-back')).toEqual([]);
  const goingOn = { ...world, update: { ...world.update, failureAction: 'continue' as const } };
  expect(stepsOf(goingOn, 'shut-down-task')).toHaveLength(1);
});

test('a drained node’s tasks run elsewhere before they end', () => {
  const leaving = buildTask(1, { node: 'leaving' });
  expect(stepsOf(buildWorld({ tasks: [leaving] }), 'shut-down-task')).toEqual([]);
  expect(stepsOf(buildWorld({ tasks: [leaving] }), 'create-task')).toMatchObject([{ slot: 1 }]);
  const elsewhere = buildTask(2, { slot: 1, nodeId: toNodeId(2) });
  expect(stepsOf(buildWorld({ tasks: [leaving, elsewhere] }), 'shut-down-task').map((step) => step.taskId)).toEqual([toTaskId(1)]);
});

test('a global service follows the nodes', () => {
  const mode = { type: 'global' } as const;
  const [here, there] = [toNodeId(1), toNodeId(2)];
  const world = buildWorld({ mode, tasks: [buildTask(1, { slot: 0 })], wantedNodes: [here, there], keepNodes: [here, there] });
  expect(stepsOf(world, 'create-task')).toEqual([{ action: 'create-task', slot: 0, nodeId: there, attempt: 0 }]);
  expect(stepsOf({ ...world, wantedNodes: [], keepNodes: [] }, 'shut-down-task').map((step) => step.taskId)).toEqual([toTaskId(1)]);
  expect(stepsOf({ ...world, wantedNodes: [there], keepNodes: [here, there] }, 'shut-down-task')).toEqual([]);
});

test('a service that is removed goes last', () => {
  const tasks = [
    buildTask(1),
    buildTask(2, { state: 'pending', node: 'none', nodeId: null }),
    buildTask(3, { node: 'lost' }),
    buildTask(4, { state: 'failed' }),
  ];
  const world = buildWorld({ isRemoving: true, tasks });
  expect(stepsOf(world, 'remove-task').map((step) => step.taskId)).toEqual([toTaskId(1)]);
  expect(stepsOf(world, 'delete-task').map((step) => step.taskId)).toEqual([toTaskId(2), toTaskId(3), toTaskId(4)]);
  expect(stepsOf(world, 'delete-service')).toEqual([]);
  expect(stepsOf(buildWorld({ isRemoving: true }), 'delete-service')).toHaveLength(1);
});
