import { ServiceSpec } from '@gantry/contracts/http-api';
import { TaskId } from '@gantry/contracts/ids';
import { expect, test } from 'vitest';
import { isJobMode, type JobStep, type JobTask, type JobWorld, type ObservedRun, planJob } from './index.ts';

const now = Date.parse('2026-03-10T12:00:30Z');
const minute = 60_000;

function modeOf(mode: object): JobWorld['mode'] {
  const parsed = ServiceSpec.parse({ name: 'x', task: { image: 'x' }, mode }).mode;
  if (!isJobMode(parsed)) throw new Error('no job');
  return parsed;
}

const everyMinute = { type: 'cron', schedule: '* * * * *' };
const dueBy = '* * * * * UTC';

function world(mode: object, change: Partial<Omit<JobWorld, 'mode'>> = {}): JobWorld {
  return {
    mode: modeOf(mode),
    taskRevision: 1,
    partition: { policy: 'replace' },
    stopGraceMs: 10_000,
    runs: [],
    tasks: [],
    nextDueAt: null,
    dueBy: '',
    now,
    ...change,
  };
}

function run(number: number, change: Partial<ObservedRun> = {}): ObservedRun {
  return { number, revision: 1, state: 'running', message: '', succeeded: 0, failed: 0, ...change };
}

let made = 0;
function task(slot: number, state: JobTask['state'], change: Partial<JobTask> = {}): JobTask {
  made += 1;
  const taskId = TaskId.parse(String(made).padStart(25, '0'));
  return { taskId, run: 1, slot, node: 'usable', lostAt: null, desiredState: 'running', state, message: '', statusAt: now - minute, ...change };
}

const actions = (steps: readonly JobStep[]) => steps.map((step) => step.action).filter((action) => action !== 'set-status');
const statusOf = (steps: readonly JobStep[]) => steps.find((step) => step.action === 'set-status');

test('a job begins once for each spec of its task, and a newer spec takes the place of an older run', () => {
  expect(planJob(world({ type: 'job' }))).toMatchObject([
    { action: 'start-run', dueAt: null },
    { action: 'set-status', state: 'converged' },
  ]);
  expect(actions(planJob(world({ type: 'job' }, { runs: [run(1, { state: 'complete' })] })))).toEqual([]);
  const live = task(1, 'running');
  expect(planJob(world({ type: 'job' }, { taskRevision: 2, runs: [run(1)], tasks: [live] })).slice(0, 3)).toEqual([
    { action: 'shut-down-task', taskId: live.taskId, reason: 'a newer spec took its place' },
    { action: 'end-run', run: 1, state: 'cancelled', message: 'a newer spec took its place' },
    { action: 'start-run', dueAt: null },
  ]);
});

test('so many at a time, each slot until it has completed once', () => {
  const mode = { type: 'job', completions: 4, parallelism: 2 };
  expect(planJob(world(mode, { runs: [run(1)] })).filter((step) => step.action === 'create-task')).toMatchObject([{ slot: 1 }, { slot: 2 }]);
  const done = task(1, 'complete');
  const next = planJob(world(mode, { runs: [run(1)], tasks: [done, task(2, 'running')] }));
  expect(next).toContainEqual({ action: 'create-task', run: 1, slot: 3, attempt: 0 });
  expect(next).toContainEqual({ action: 'shut-down-task', taskId: done.taskId, reason: 'ended' });
  expect(next).toContainEqual({ action: 'count-run', run: 1, succeeded: 1, failed: 0 });
  const all = [1, 2, 3, 4].map((slot) => task(slot, 'complete', { desiredState: 'shutdown' }));
  expect(planJob(world(mode, { runs: [run(1, { succeeded: 4 })], tasks: all }))[0]).toEqual({ action: 'end-run', run: 1, state: 'complete', message: '' });
});

test('a failure is tried again after the back-off, twice as long each time, and too many fail the run', () => {
  const mode = { type: 'job', maxAttempts: 3, backOffMs: 40_000 };
  const failed = (count: number) => Array.from({ length: count }, () => task(1, 'failed', { desiredState: 'shutdown' }));
  expect(actions(planJob(world(mode, { runs: [run(1, { failed: 1 })], tasks: failed(1) })))).toEqual(['create-task']);
  expect(planJob(world(mode, { runs: [run(1, { failed: 2 })], tasks: failed(2) }))).toMatchObject([
    { action: 'wake-at', at: now + 20_000 },
    { action: 'set-status' },
  ]);
  expect(planJob(world(mode, { runs: [run(1, { failed: 3 })], tasks: failed(3) }))[0]).toEqual({
    action: 'end-run',
    run: 1,
    state: 'failed',
    message: 'task 1 failed 3 times',
  });
});

test('a lost node costs no attempt; what may still run there is not run twice when that is forbidden', () => {
  const lost = task(1, 'running', { node: 'lost', lostAt: now - 1_000 });
  const seen = { runs: [run(1)], tasks: [lost] };
  expect(actions(planJob(world({ type: 'job' }, seen)))).toEqual(['shut-down-task', 'create-task']);
  expect(actions(planJob(world({ type: 'job' }, { ...seen, partition: { policy: 'keep' } })))).toEqual([]);
  expect(planJob(world({ type: 'job' }, { ...seen, partition: { policy: 'stop', afterMs: 5_000 } }))[0]).toEqual({
    action: 'wake-at',
    at: now - 1_000 + 15_000,
  });
  const leaving = task(1, 'running', { node: 'leaving' });
  expect(actions(planJob(world({ type: 'job' }, { runs: [run(1)], tasks: [leaving] })))).toEqual(['shut-down-task']);
});

test('a schedule that is new waits for its first tick; a tick that is due begins a run and sets the next', () => {
  const first = planJob(world(everyMinute));
  expect(first).toContainEqual({ action: 'set-due', at: Date.parse('2026-03-10T12:01:00Z'), dueBy });
  expect(actions(first)).not.toContain('start-run');
  const due = planJob(world(everyMinute, { nextDueAt: Date.parse('2026-03-10T12:00:00Z'), dueBy }));
  expect(due.slice(0, 2)).toEqual([
    { action: 'start-run', dueAt: Date.parse('2026-03-10T12:00:00Z') },
    { action: 'set-due', at: Date.parse('2026-03-10T12:01:00Z'), dueBy },
  ]);
  expect(actions(planJob(world(everyMinute, { nextDueAt: Date.parse('2026-03-10T12:01:00Z'), dueBy })))).toEqual(['wake-at']);
});

test('of ticks that were missed the latest is run, or none', () => {
  const hourly = { type: 'cron', schedule: '0 * * * *' };
  const missed = { nextDueAt: Date.parse('2026-03-10T07:00:00Z'), dueBy: '0 * * * * UTC', now: Date.parse('2026-03-10T12:30:00Z') };
  expect(planJob(world(hourly, missed))[0]).toEqual({ action: 'start-run', dueAt: Date.parse('2026-03-10T12:00:00Z') });
  expect(planJob(world({ ...hourly, missed: 'skip' }, missed))[0]).toMatchObject({ action: 'skip-run', dueAt: Date.parse('2026-03-10T12:00:00Z') });
  expect(planJob(world({ ...hourly, missed: 'skip', startWithinMs: 2_700_000 }, missed))[0]).toMatchObject({ action: 'start-run' });
});

test.each([
  ['forbid', ['skip-run', 'set-due']],
  ['allow', ['start-run', 'set-due']],
  ['replace', ['shut-down-task', 'end-run', 'start-run', 'set-due']],
] as const)('a tick while a run has not ended: %s', (concurrency, expected) => {
  const due = { nextDueAt: Date.parse('2026-03-10T12:00:00Z'), dueBy, runs: [run(1)], tasks: [task(1, 'running')] };
  expect(actions(planJob(world({ ...everyMinute, concurrency }, due))).filter((action) => action !== 'wake-at')).toEqual(expected);
});

test('a suspended schedule has no next tick, and begins anew when it is resumed', () => {
  const due = { nextDueAt: now - minute, dueBy };
  expect(planJob(world({ ...everyMinute, isSuspended: true }, due))[0]).toEqual({ action: 'set-due', at: null, dueBy: '' });
  expect(actions(planJob(world(everyMinute, { nextDueAt: null, dueBy: '' })))).toEqual(['set-due', 'wake-at']);
});

test('ended runs beyond the history go, their tasks first; a cancelled run ends its tasks', () => {
  const runs = [1, 2, 3].map((number) => run(number, { state: 'complete', revision: 1 }));
  const mode = { type: 'job', historyLimit: 2 };
  const old = task(1, 'complete', { desiredState: 'shutdown' });
  expect(planJob(world(mode, { runs, tasks: [old] }))[0]).toEqual({ action: 'remove-task', taskId: old.taskId });
  expect(planJob(world(mode, { runs, tasks: [{ ...old, desiredState: 'remove' }] }))[0]).toEqual({ action: 'delete-task', taskId: old.taskId });
  expect(planJob(world(mode, { runs }))[0]).toEqual({ action: 'forget-run', run: 1 });
  const live = task(1, 'running');
  expect(planJob(world(mode, { runs: [run(1, { state: 'cancelled' })], tasks: [live] }))[0]).toMatchObject({ action: 'shut-down-task', taskId: live.taskId });
});

test('it says how its last run went and when the next is', () => {
  const done = world(everyMinute, { nextDueAt: now + 1, dueBy, runs: [run(4, { state: 'failed', message: 'task 1 failed 3 times' })] });
  expect(statusOf(planJob(done))).toMatchObject({
    state: 'converged',
    message: `run 4 failed: task 1 failed 3 times; next at ${new Date(now + 1).toISOString()}`,
  });
});
