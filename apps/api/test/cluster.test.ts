import type { ClusterNode, Service, Task } from '@gantry/contracts/http-api';
import { type Scripting, SimulatedAgent } from '@gantry/testing/agent';
import { expect, test } from 'vitest';
import { eventually } from './api-fixture.ts';
import { openCluster } from './cluster-fixture.ts';

const cluster = openCluster();
const { agents } = cluster;

const joinFleet = (count: number, scripting: Scripting = () => ({})) => cluster.join(count, { scripting });

function createService(name: string, more: { replicas?: number; task?: object; [key: string]: unknown } = {}): Promise<Service> {
  const { replicas = 1, task = {}, ...rest } = more;
  return cluster.api.send('POST', '/services', { name, mode: { type: 'replicated', replicas }, task: { image: 'busybox', ...task }, ...rest });
}

test('a service scales to three, spread over the nodes, and back to one', async () => {
  await joinFleet(3);
  const service = await createService('web', { replicas: 2 });
  expect(service.status).toMatchObject({ desiredTasks: 2, runningTasks: 0 });
  await cluster.converged(service, 2);
  const scaled = await cluster.api.send<Service>('POST', `/services/${service.id}/scale`, { replicas: 3 });
  expect(scaled.status).toMatchObject({ desiredTasks: 3, runningTasks: 2 });
  await cluster.converged(service, 3);
  const running = await cluster.runningOf(service);
  expect(new Set(running.map((task) => task.nodeId)).size).toBe(3);
  expect(running.map((task) => task.slot).sort()).toEqual([1, 2, 3]);
  expect(running.every((task) => /^[0-9a-f]{64}$/.test(task.status.containerId ?? ''))).toBe(true);
  await cluster.api.send('POST', `/services/${service.id}/scale`, { replicas: 1 });
  await cluster.converged(service, 1);
  await eventually(
    () => cluster.tasksOf(service),
    (tasks) => tasks.length === 1,
  );
  expect(agents.flatMap((agent) => agent.assigned)).toHaveLength(1);
});

test('the tasks of a node that dies are started elsewhere, and when it returns it must not keep them', async () => {
  const [first, second] = await joinFleet(2);
  const service = await createService('web', { replicas: 4 });
  await cluster.converged(service, 4);
  first?.close();
  const replaced = await eventually(
    () => cluster.runningOf(service),
    (running) => running.length === 4 && running.every((task) => task.nodeName === second?.name),
  );
  expect(new Set(replaced.map((task) => task.slot)).size).toBe(4);
  const nodes = await cluster.api.get<{ items: ClusterNode[] }>('/nodes');
  expect(nodes.items.map((node) => node.status.state).sort()).toEqual(['down', 'ready']);

  const returned = new SimulatedAgent({ serverUrl: cluster.api.url, name: first?.name ?? '', ...(first === undefined ? {} : { identity: first.identity }) });
  agents.push(returned);
  await returned.connect();
  await returned.until(() => returned.held !== null);
  expect(returned.assigned.filter((task) => task.desiredState === 'running')).toEqual([]);
});

test('a task that ends is replaced in its slot by the restart policy', async () => {
  const [agent] = await joinFleet(1);
  const service = await createService('web', { task: { restartPolicy: { delayMs: 0 } } });
  await cluster.converged(service, 1);
  const [before] = await cluster.runningOf(service);
  if (before === undefined) throw new Error('no task runs');
  agent?.tasks.exit(before.id, 1);
  await eventually(
    () => cluster.runningOf(service),
    (running) => running.length === 1 && running[0]?.id !== before.id && running[0]?.slot === before.slot,
  );
  const history = (await cluster.tasksOf(service)).find((task) => task.id === before.id);
  expect(history).toMatchObject({ desiredState: 'shutdown', status: { state: 'failed', exitCode: 1 } });
});

test('a new image is rolled out one by one; a broken one pauses and leaves the rest alone', async () => {
  await joinFleet(3, (task) => (task.spec.image === 'broken' ? { failsWhile: 'starting', error: 'no such file' } : {}));
  const service = await createService('web', { replicas: 3, task: { restartPolicy: { delayMs: 60_000 } } });
  const first = await cluster.converged(service, 3);
  const good = { ...first.spec, task: { ...first.spec.task, image: 'busybox:2' } };
  await cluster.api.send('PUT', `/services/${service.id}`, { version: first.version, spec: good });
  await eventually(
    () => cluster.runningOf(service),
    (running) => running.length === 3 && running.every((task) => task.spec.image === 'busybox:2'),
  );
  const second = await cluster.converged(service, 3);
  await cluster.api.send('PUT', `/services/${service.id}`, { version: second.version, spec: { ...good, task: { ...good.task, image: 'broken' } } });
  const paused = await eventually(
    () => cluster.api.get<Service>(`/services/${service.id}`),
    (seen) => seen.status.message.includes('paused'),
  );
  expect(paused.status).toMatchObject({ state: 'updating', runningTasks: 2 });
  expect((await cluster.runningOf(service)).map((task) => task.spec.image)).toEqual(['busybox:2', 'busybox:2']);
});

test('start-first never has fewer than wanted, and a failing rollout goes back by itself', async () => {
  await joinFleet(2, (task) => (task.spec.image === 'broken' ? { failsWhile: 'starting' } : {}));
  const update = { order: 'start-first', failureAction: 'rollback' };
  const service = await createService('web', { replicas: 2, update });
  const first = await cluster.converged(service, 2);
  await cluster.api.send('PUT', `/services/${service.id}`, { version: first.version, spec: { ...first.spec, task: { ...first.spec.task, image: 'broken' } } });
  const back = await eventually(
    () => cluster.api.get<Service>(`/services/${service.id}`),
    (seen) => {
      expect(seen.status.runningTasks).toBeGreaterThanOrEqual(2);
      return seen.status.message.includes('rolled back');
    },
  );
  expect(back.status.state).toBe('converged');
  expect((await cluster.runningOf(service)).map((task) => task.spec.image)).toEqual(['busybox', 'busybox']);
  expect(back.spec.task.image).toBe('broken');
});

test('a drained node is emptied, its replacements running before its tasks end', async () => {
  await joinFleet(2);
  const service = await createService('web', { replicas: 4 });
  await cluster.converged(service, 4);
  const [node] = (await cluster.api.get<{ items: ClusterNode[] }>('/nodes')).items;
  if (node === undefined) throw new Error('no node');
  await cluster.api.send('PATCH', `/nodes/${node.id}`, { version: node.version, availability: 'drain' });
  await eventually(
    async () => {
      expect((await cluster.runningOf(service)).length).toBeGreaterThanOrEqual(4);
      return cluster.runningOf(service);
    },
    (running) => running.length === 4 && running.every((task) => task.nodeId !== node.id),
  );
});

test('a task that fits nowhere says why, node by node, and starts when it does', async () => {
  await joinFleet(2);
  const service = await createService('web', { task: { placement: { constraints: ['node.labels.disk == ssd'] } } });
  const [pending] = await eventually(
    () => cluster.tasksOf(service),
    (tasks) => tasks.length === 1 && tasks[0]?.status.message !== '',
  );
  expect(pending?.status).toMatchObject({
    state: 'pending',
    message: expect.stringContaining('2 nodes (node-0001, node-0002): does not satisfy node.labels.disk == ssd'),
  });
  await eventually(
    () => cluster.api.get<Service>(`/services/${service.id}`),
    (seen) => seen.status.state === 'pending' && seen.status.message.includes('does not satisfy'),
  );
  const [node] = (await cluster.api.get<{ items: ClusterNode[] }>('/nodes')).items;
  await cluster.api.send('PATCH', `/nodes/${node?.id}`, { version: node?.version, labels: { disk: 'ssd' } });
  await cluster.converged(service, 1);
  expect((await cluster.runningOf(service))[0]?.nodeId).toBe(node?.id);
});

test('a global service has a task on each node, also on one that joins later', async () => {
  await joinFleet(2);
  const service = await cluster.api.send<Service>('POST', '/services', { name: 'everywhere', mode: { type: 'global' }, task: { image: 'busybox' } });
  await cluster.converged(service, 2);
  await cluster.join(1, { prefix: 'late' });
  await cluster.converged(service, 3);
  const running = await cluster.runningOf(service);
  expect(new Set(running.map((task) => task.nodeName))).toEqual(new Set(['node-0001', 'node-0002', 'late-0001']));
  expect(agents.every((agent) => agent.assigned.length === 1)).toBe(true);
});

test('a removed service ends its tasks first; then it and they are gone, on the nodes too', async () => {
  await joinFleet(2, () => ({ stoppingMs: 200 }));
  const service = await createService('web', { replicas: 4 });
  await cluster.converged(service, 4);
  await cluster.api.send('DELETE', `/services/${service.id}`);
  expect((await cluster.api.get<Service>(`/services/${service.id}`)).status.state).toBe('removing');
  await eventually(
    () => cluster.api.call('GET', `/services/${service.id}`),
    (answer) => answer.status === 404,
  );
  expect((await cluster.api.get<{ items: Task[] }>('/tasks')).items).toEqual([]);
  await Promise.all(agents.map((agent) => agent.until(() => agent.assigned.length === 0)));
});

test('duplicated and late reports change nothing', async () => {
  const fleet = await joinFleet(2);
  for (const agent of fleet) agent.faults.duplicatesReports = true;
  const service = await createService('web', { replicas: 4 });
  await cluster.converged(service, 4);
  const [task] = await cluster.runningOf(service);
  const holder = fleet.find((agent) => task !== undefined && agent.tasks.get(task.id) !== undefined);
  const status = task === undefined ? undefined : holder?.tasks.get(task.id);
  if (task === undefined || holder === undefined || status === undefined) throw new Error('nobody holds the task');
  const late = { type: 'status.report', statuses: [{ ...status, state: 'preparing', at: new Date().toISOString() }] };
  holder.sendRaw(Buffer.concat([Buffer.of(0), Buffer.from(JSON.stringify(late))]));
  const marker = { type: 'status.report', statuses: [{ ...status, at: new Date(Date.parse(status.at) + 1_000).toISOString(), message: 'after the late one' }] };
  holder.sendRaw(Buffer.concat([Buffer.of(0), Buffer.from(JSON.stringify(marker))]));
  const seen = await eventually(
    () => cluster.api.get<Task>(`/tasks/${task.id}`),
    (now) => now.status.message === 'after the late one',
  );
  expect(seen.status.state).toBe('running');
  await cluster.converged(service, 4);
  expect(await cluster.tasksOf(service)).toHaveLength(4);
});
