import { Service, Task } from '@gantry/contracts/http-api';
import { QueryClient, type QueryKey } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createApi } from '../api/client.ts';
import { CachePatcher } from './patch.ts';

const api = createApi({ origin: () => 'http://nowhere.invalid' });
const at = '2026-11-24T10:00:00Z';

const id = (letter: string) => letter.repeat(25);

function service(letter: string, version: number) {
  return Service.parse({
    id: id(letter),
    version,
    stackId: null,
    stackName: null,
    spec: { name: `service-${letter}`, task: { image: 'nginx' } },
    ports: [],
    revision: 1,
    status: { desiredTasks: 1, runningTasks: 1, state: 'converged', message: '' },
    createdAt: at,
    updatedAt: at,
  });
}

function task(letter: string, version: number, desiredState: Task['desiredState'] = 'running', ofService = 's') {
  return Task.parse({
    id: id(letter),
    version,
    serviceId: id(ofService),
    serviceName: 'web',
    nodeId: id('n'),
    nodeName: 'a',
    slot: 1,
    spec: { image: 'nginx' },
    desiredState,
    status: { state: 'running', message: '', error: null, containerId: null, exitCode: null, ports: [], at },
    createdAt: at,
    updatedAt: at,
  });
}

let queryClient: QueryClient;
let asked: QueryKey[];
let patcher: CachePatcher;

beforeEach(() => {
  queryClient = new QueryClient();
  asked = [];
  patcher = new CachePatcher(queryClient, api, { add: (key) => asked.push(key) });
});
afterEach(() => {
  queryClient.clear();
});

const tasksOf = (letter: string) => api.tasks.list.queryKey({ input: { serviceId: task('x', 1, 'running', letter).serviceId, desiredState: 'running' } });

test('a newer record replaces the one held, alone and on pages; an older one does not', () => {
  const oneKey = api.services.get.queryKey({ input: { serviceId: service('a', 1).id } });
  const pageKey = api.services.list.queryKey({ input: { limit: 50 } });
  queryClient.setQueryData(oneKey, service('a', 2));
  queryClient.setQueryData(pageKey, { items: [service('b', 1), service('a', 2)], nextCursor: null });
  patcher.apply({ type: 'service.changed', service: service('a', 3) });
  patcher.apply({ type: 'service.changed', service: service('a', 1) });
  expect(queryClient.getQueryData(oneKey)?.version).toBe(3);
  expect(queryClient.getQueryData(pageKey)?.items.map((item) => item.version)).toEqual([1, 3]);
  expect(asked).toEqual([]);
});

test('a new record makes the pages it could be on be read again, and no others', () => {
  queryClient.setQueryData(tasksOf('s'), { items: [], nextCursor: null });
  queryClient.setQueryData(tasksOf('o'), { items: [], nextCursor: null });
  patcher.apply({ type: 'task.changed', task: task('t', 1) });
  expect(asked).toEqual([tasksOf('s')]);
});

test('a record that no longer passes a page’s filter leaves it', () => {
  queryClient.setQueryData(tasksOf('s'), { items: [task('t', 1), task('u', 1)], nextCursor: null });
  patcher.apply({ type: 'task.changed', task: task('t', 2, 'shutdown') });
  expect(queryClient.getQueryData(tasksOf('s'))?.items.map((item) => item.id)).toEqual([id('u')]);
});

test('a removed record leaves its pages, and its own page finds out', () => {
  const oneKey = api.tasks.get.queryKey({ input: { taskId: task('t', 1).id } });
  queryClient.setQueryData(oneKey, task('t', 1));
  queryClient.setQueryData(tasksOf('s'), { items: [task('t', 1), task('u', 1)], nextCursor: 'more' });
  patcher.apply({ type: 'task.removed', taskId: task('t', 1).id });
  expect(queryClient.getQueryData(tasksOf('s'))?.items.map((item) => item.id)).toEqual([id('u')]);
  expect(asked).toEqual([oneKey, tasksOf('s')]);
});

test('a task that changed makes its node’s containers be read again', () => {
  const nodeId = task('t', 1).nodeId;
  if (!nodeId) throw new Error('the task has a node');
  const key = api.nodes.containers.queryKey({ input: { nodeId } });
  queryClient.setQueryData(key, { items: [] });
  patcher.apply({ type: 'task.changed', task: task('t', 1) });
  expect(asked).toEqual([key]);
});

test('ready makes everything stale', () => {
  queryClient.setQueryData(tasksOf('s'), { items: [], nextCursor: null });
  patcher.apply({ type: 'ready' });
  expect(queryClient.getQueryState(tasksOf('s'))?.isInvalidated).toBe(true);
});
