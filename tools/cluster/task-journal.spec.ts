import { TaskStatusReport } from '@gantry/contracts/agent-link';
import { Service, Task } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { TaskJournal } from './task-journal.ts';

const at = '2026-01-01T00:00:00.000Z';
const idOf = (number: number) => String(number).padStart(25, 't');

function report(number: number, state: TaskStatusReport['state']): TaskStatusReport {
  return TaskStatusReport.parse({ taskId: idOf(number), state, at, message: '', error: null, containerId: null, exitCode: null, ports: [] });
}

const service = Service.parse({
  id: 's'.repeat(25),
  version: 1,
  revision: 1,
  stackId: null,
  stackName: null,
  spec: { name: 'web', task: { image: 'busybox' } },
  ports: [],
  status: { desiredTasks: 1, runningTasks: 1, state: 'converged', message: '' },
  createdAt: at,
  updatedAt: at,
});

function said(number: number, slot: number): Task {
  return Task.parse({
    id: idOf(number),
    version: 1,
    serviceId: service.id,
    serviceName: 'web',
    nodeId: null,
    nodeName: 'one',
    slot,
    spec: service.spec.task,
    desiredState: 'running',
    status: { state: 'running', message: '', error: null, containerId: null, exitCode: null, ports: [], at },
    createdAt: at,
    updatedAt: at,
  });
}

const check = (journal: TaskJournal, wanted: number, tasks: Task[]) => () => journal.check({ services: [{ service, wanted }], tasks });

function running(...numbers: number[]): TaskJournal {
  const journal = new TaskJournal();
  for (const number of numbers) journal.note('one', report(number, 'running'), null);
  return journal;
}

test('what is wanted, said and run is in order', () => {
  expect(check(running(1, 2), 2, [said(1, 1), said(2, 2)])()).toBe(true);
});

test.each([
  ['a task that runs on two nodes', 'and was on one', (journal: TaskJournal) => journal.note('two', report(1, 'shutdown'), null)],
  ['a task that starts again', 'went from running to preparing', (journal: TaskJournal) => journal.note('one', report(1, 'preparing'), null)],
  ['a task that nobody wants', 'nobody wants', (journal: TaskJournal) => journal.note('one', report(3, 'running'), null)],
  ['a task that no node runs', 'no node runs', (journal: TaskJournal) => journal.note('one', report(1, 'failed'), null)],
])('%s is found', (_, message, spoil) => {
  const journal = running(1);
  spoil(journal);
  expect(check(journal, 1, [said(1, 1)])).toThrow(message);
});

test('missing and doubled slots are found', () => {
  expect(check(running(1), 2, [said(1, 1)])).toThrow('web has 1 tasks in 1 slots, not 2');
  expect(check(running(1, 2), 2, [said(1, 1), said(2, 1)])).toThrow('web has 2 tasks in 1 slots, not 2');
});

test('two tasks at once in a place that must be served alone are found, one after the other is in order', () => {
  const journal = new TaskJournal();
  journal.note('one', report(1, 'running'), 'store.1');
  journal.note('one', report(1, 'shutdown'), 'store.1');
  journal.note('two', report(2, 'starting'), 'store.1');
  expect(check(journal, 0, [])).not.toThrow('at once');
  journal.note('one', report(3, 'preparing'), 'store.1');
  expect(check(journal, 0, [])).toThrow('store.1 was served by');
});
