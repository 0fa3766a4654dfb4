import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AssignedTask } from '@gantry/contracts/agent-link';
import { TaskId } from '@gantry/contracts/ids';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TaskStore } from './task-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tasks-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function task(number: number): AssignedTask {
  const taskId = TaskId.parse(String(number).padStart(25, '0'));
  return AssignedTask.parse({
    taskId,
    serviceId: 's'.repeat(25),
    serviceName: 'web',
    stackName: null,
    name: 'web.1',
    slot: 1,
    desiredState: 'running',
    spec: { image: 'demo:1' },
    ports: [],
  });
}

const tasks = new Map([task(1), task(2)].map((each) => [each.taskId, each]));

function reopened<T>(use: (store: TaskStore) => T): T {
  const store = new TaskStore(join(directory, 'tasks.db'));
  try {
    return use(store);
  } finally {
    store.close();
  }
}

test('what was held and what was said are there again', () => {
  const record = {
    taskId: task(1).taskId,
    state: 'running' as const,
    at: '',
    message: '',
    error: null,
    containerId: 'c',
    exitCode: null,
    ports: [],
    localRestarts: 2,
  };
  reopened((store) => {
    expect(store.held).toBeNull();
    store.hold({ generation: 3, version: 'a', tasks });
    store.hold({ generation: 4, version: 'b', tasks: new Map([...tasks].slice(1)) });
    store.remember(record);
  });
  reopened((store) => {
    expect(store.held).toEqual({ generation: 4, version: 'b', tasks: new Map([...tasks].slice(1)) });
    expect([...store.records]).toEqual([record]);
    store.forget(record.taskId);
  });
  expect(reopened((store) => [...store.records])).toEqual([]);
});

test('assignments of which a part can not be read count as never received', () => {
  reopened((store) => store.hold({ generation: 3, version: 'a', tasks }));
  const database = new DatabaseSync(join(directory, 'tasks.db'));
  database.prepare("update record set body = '{}' where collection = 'assignment' and id = ?").run(task(1).taskId);
  database.close();
  expect(reopened((store) => store.held)).toBeNull();
});
