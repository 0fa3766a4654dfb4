import type { TaskState } from '@gantry/contracts/agent-link';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignedTask, observedContainer, situation, taskRecord } from './builders.ts';
import { type ObservedContainer, planTask, type TaskSituation } from './plan-task.ts';
import type { Step } from './step.ts';
import { canAdvance, isFinal, type TaskRecord } from './task-record.ts';

function actions(changes: Partial<TaskSituation>): string[] {
  return planTask(situation(changes)).map((step) => (step.action === 'report' ? `report ${step.state}` : step.action));
}

const alone = { forMs: 0, patienceMs: 0 };
const exited = observedContainer({ status: 'exited', exitCode: 3, finishedAt: 1_000_000 });

test.each<[string, Partial<TaskSituation>, string[]]>([
  ['a new task without its image', { hasImage: false }, ['report preparing', 'pull']],
  ['a new task with its image', {}, ['report preparing', 'create']],
  ['a created container', { container: observedContainer({ status: 'created', hasStarted: false }) }, ['report starting', 'start']],
  ['a container that failed to start', { container: observedContainer({ status: 'created', hasStarted: false, error: 'no such file' }) }, ['report failed']],
  ['a running container', { container: observedContainer(), record: taskRecord({ state: 'starting' }) }, ['report running']],
  ['a running container, reported', { container: observedContainer(), record: taskRecord() }, []],
  [
    'a container whose health is not known yet',
    { container: observedContainer({ health: 'starting' }), record: taskRecord({ state: 'preparing' }) },
    ['report starting'],
  ],
  ['a healthy container', { container: observedContainer({ health: 'healthy' }), record: taskRecord({ state: 'starting' }) }, ['report running']],
  ['an unhealthy container', { container: observedContainer({ health: 'unhealthy' }), record: taskRecord() }, ['report failed', 'stop']],
  ['a process that ended well', { container: observedContainer({ status: 'exited' }), record: taskRecord() }, ['report complete']],
  ['a process that failed', { container: exited, record: taskRecord() }, ['report failed']],
  ['a failed task whose container runs again', { container: observedContainer(), record: taskRecord({ state: 'failed' }) }, ['stop']],
  ['a container removed by somebody else', { record: taskRecord() }, ['report failed']],
  ['shutdown of a running container', { task: assignedTask({ desiredState: 'shutdown' }), container: observedContainer(), record: taskRecord() }, ['stop']],
  ['shutdown, stopped', { task: assignedTask({ desiredState: 'shutdown' }), container: exited, record: taskRecord() }, ['report shutdown']],
  ['shutdown of a task that failed', { task: assignedTask({ desiredState: 'shutdown' }), container: exited, record: taskRecord({ state: 'failed' }) }, []],
  ['shutdown before anything was made', { task: assignedTask({ desiredState: 'shutdown' }) }, ['report shutdown']],
  ['removal of a running container', { task: assignedTask({ desiredState: 'remove' }), container: observedContainer(), record: taskRecord() }, ['stop']],
  ['removal, stopped', { task: assignedTask({ desiredState: 'remove' }), container: exited, record: taskRecord() }, ['remove']],
  ['removal, removed', { task: assignedTask({ desiredState: 'remove' }), record: taskRecord() }, ['report shutdown']],
  ['an orphan that runs', { task: null, container: observedContainer() }, ['stop']],
  ['an orphan that has ended', { task: null, container: exited }, ['remove']],
  ['an orphan that is gone', { task: null, record: taskRecord() }, ['forget']],
])('%s', (_, changes, expected) => {
  expect(actions(changes)).toEqual(expected);
});

test('out of reach of the control plane a task is restarted here, after its delay', () => {
  const cut = { isolation: alone, container: exited, record: taskRecord() };
  expect(planTask(situation(cut))).toMatchObject([{ action: 'wait', until: 1_005_000 }]);
  expect(planTask(situation({ ...cut, now: 1_005_000 }))).toMatchObject([{ action: 'start', isLocalRestart: true }]);
});

test('a control plane that may be back at once is waited for before a task is restarted here', () => {
  const cut = { isolation: { forMs: 3_000, patienceMs: 7_000 }, container: exited, record: taskRecord(), now: 2_000_000 };
  expect(planTask(situation(cut))).toMatchObject([{ action: 'wait', until: 2_007_000 }]);
  expect(actions({ ...cut, isolation: null })).toEqual(['report failed']);
});

test.each<[string, object, Partial<TaskRecord>, ObservedContainer]>([
  ['condition none', { condition: 'none' }, {}, exited],
  ['on-failure and success', { condition: 'on-failure' }, {}, { ...exited, exitCode: 0 }],
  ['attempts used up', { maxAttempts: 2 }, { localRestarts: 2 }, exited],
])('out of reach, not restarted: %s', (_, restartPolicy, record, container) => {
  const plan = planTask(
    situation({ isolation: alone, now: 2_000_000, container, record: taskRecord(record), task: assignedTask({ spec: { restartPolicy } }) }),
  );
  expect(plan.map(({ action }) => action)).toEqual(['report']);
});

test('a clock that was set back does not hold up a restart', () => {
  expect(planTask(situation({ isolation: alone, container: exited, record: taskRecord(), now: 5 }))).toMatchObject([{ action: 'start' }]);
});

test('a task that may not run alone is stopped when its time is up', () => {
  const lonely = { task: assignedTask({ spec: { partition: { policy: 'stop', afterMs: 60_000 } } }), container: observedContainer(), record: taskRecord() };
  expect(planTask(situation({ ...lonely, isolation: { forMs: 20_000, patienceMs: 0 } }))).toMatchObject([{ action: 'wait', until: 1_040_000 }]);
  expect(actions({ ...lonely, isolation: { forMs: 60_000, patienceMs: 0 } })).toEqual(['stop']);
  expect(actions({ ...lonely, isolation: { forMs: 60_000, patienceMs: 0 }, container: exited })).toEqual(['report shutdown']);
  expect(actions({ ...lonely, isolation: null })).toEqual([]);
});

test('a failure says the exit code, and that memory ran out', () => {
  const plan = planTask(situation({ container: { ...exited, exitCode: 137, isOutOfMemory: true }, record: taskRecord() }));
  expect(plan).toMatchObject([{ error: 'task: non-zero exit (137): out of memory', exitCode: 137, withOutput: true }]);
});

/** A node in memory: steps change it as an agent would, and the world may change under it between rounds. */
class ModelNode {
  container: ObservedContainer | null = null;
  record: TaskRecord | null = null;
  hasImage = false;
  isLinked = true;
  starts = 0;
  now = 0;
  readonly reported: TaskState[] = [];

  run(task: TaskSituation['task'], maxSteps = Number.POSITIVE_INFINITY): void {
    let steps = 0;
    for (let round = 0; round < 12; round += 1) {
      const { record, container, hasImage, isLinked, now } = this;
      const isolation = isLinked ? null : alone;
      const plan = planTask(situation({ task, record, container, hasImage, isolation, now }));
      if (plan.length === 0 || plan[0]?.action === 'wait') return;
      for (const step of plan) {
        if (steps === maxSteps) return;
        this.execute(step);
        steps += 1;
      }
    }
    throw new Error('the plan never came to rest');
  }

  /** The world changes under the agent. */
  suffer(what: (typeof happenings)[number]): void {
    this.now += what === 'later' ? 60_000 : 10;
    if (what === 'cut' || what === 'join') this.isLinked = what === 'join';
    if (what === 'vanish') this.container = null;
    if (this.container?.status !== 'running') return;
    if (what === 'exit') this.become({ status: 'exited', exitCode: 0, finishedAt: this.now });
    if (what === 'fail') this.become({ status: 'exited', exitCode: 1, finishedAt: this.now });
    if (what === 'unhealthy') this.become({ health: 'unhealthy' });
  }

  execute(step: Step): void {
    switch (step.action) {
      case 'pull':
        this.hasImage = true;
        return;
      case 'create':
        if (this.container !== null) throw new Error('created twice');
        this.container = observedContainer({ status: 'created', hasStarted: false });
        return;
      case 'start':
        this.starts += step.isLocalRestart ? 0 : 1;
        this.become({ status: 'running', hasStarted: true, exitCode: 0 });
        return;
      case 'stop':
        this.become({ status: 'exited', exitCode: 143, finishedAt: this.now });
        return;
      case 'remove':
        if (this.container?.status === 'running') throw new Error('removed while running');
        this.container = null;
        return;
      case 'report': {
        const { state, message, error, containerId, exitCode } = step;
        if (this.record !== null && this.record.state !== state && !canAdvance(this.record.state, state)) throw new Error(`${this.record.state} → ${state}`);
        this.record = taskRecord({ state, message, error, containerId, exitCode });
        this.reported.push(state);
        return;
      }
      case 'forget':
        this.record = null;
        return;
      case 'wait':
        return;
    }
  }

  become(changes: Partial<ObservedContainer>): void {
    if (this.container !== null) this.container = { ...this.container, ...changes };
  }
}

const happenings = ['run', 'exit', 'fail', 'unhealthy', 'vanish', 'cut', 'join', 'later', 'crash'] as const;
const endings = ['shutdown', 'remove', 'forget'] as const;

test('whatever happens, plans come to rest, statuses move forward, a linked task starts once, and no container is left', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...happenings), { maxLength: 20 }), fc.constantFrom(...endings), (happened, ending) => {
      const node = new ModelNode();
      for (const what of happened) {
        node.suffer(what);
        // A crash: the agent ends after its first step, and another takes over from what is recorded.
        node.run(assignedTask(), what === 'crash' ? 1 : Number.POSITIVE_INFINITY);
      }
      expect(node.starts).toBeLessThanOrEqual(1);
      node.run(ending === 'forget' ? null : assignedTask({ desiredState: ending }));
      expect(node.container?.status).not.toBe('running');
      expect(node.reported.filter(isFinal).length).toBeLessThanOrEqual(1);
      if (ending !== 'shutdown') expect(node.container).toBeNull();
      expect(node.record === null || isFinal(node.record.state)).toBe(true);
      expect(node.record === null).toBe(ending === 'forget');
    }),
    { numRuns: 2000 },
  );
});
