import type { ClusterNode, Service } from '@gantry/contracts/http-api';
import { type Scripting, SimulatedAgent } from '@gantry/testing/agent';
import { expect, test } from 'vitest';
import { eventually } from './api-fixture.ts';
import { openCluster } from './cluster-fixture.ts';

const cluster = openCluster();

async function join(name: string, more: { gpus?: number; labels?: Record<string, string>; scripting?: Scripting } = {}): Promise<SimulatedAgent> {
  const { gpus = 0, labels, scripting = () => ({}) } = more;
  const agent = new SimulatedAgent({ ...cluster.dial, name, scripting, facts: { genericResources: { gpu: gpus } } });
  cluster.agents.push(agent);
  await agent.connect();
  await agent.until(() => agent.isConnected);
  if (labels === undefined) return agent;
  const node = await cluster.api.get<ClusterNode>(`/nodes/${agent.identity.nodeId}`);
  await cluster.api.send('PATCH', `/nodes/${node.id}`, { version: node.version, labels });
  return agent;
}

function create(name: string, replicas: number, task: object): Promise<Service> {
  return cluster.api.send('POST', '/services', {
    name,
    mode: { type: 'replicated', replicas },
    task: { image: 'busybox', restartPolicy: { delayMs: 0 }, ...task },
  });
}

/** The nodes' names, sorted, once so many run. */
async function placesOf(service: Service, count: number): Promise<(string | null)[]> {
  const running = await eventually(
    () => cluster.runningOf(service),
    (tasks) => tasks.length === count,
  );
  return running.map((task) => task.nodeName).sort();
}

test('preferences spread over zones, units of GPUs are reserved, and a pending task says what it lacks', async () => {
  await join('one', { labels: { zone: 'a' }, gpus: 2 });
  await join('two', { labels: { zone: 'a' } });
  await join('three', { labels: { zone: 'b' } });
  const web = await create('web', 4, { placement: { preferences: ['node.labels.zone'] } });
  expect(await placesOf(web, 4)).toEqual(['one', 'three', 'three', 'two']);
  const model = await create('model', 3, { resources: { reservations: { generic: { gpu: 1 } } } });
  expect(await placesOf(model, 2)).toEqual(['one', 'one']);
  const [waiting] = await eventually(
    async () => (await cluster.tasksOf(model)).filter((task) => task.status.state === 'pending'),
    (tasks) => tasks[0]?.status.message !== '',
  );
  expect(waiting?.status.message).toBe('no node can take it: 3 nodes (one, three, two): lacks gpu');
  const packed = await create('packed', 3, { placement: { strategy: 'binpack' }, resources: { reservations: { memoryBytes: 1024 ** 2 } } });
  expect(new Set(await placesOf(packed, 3)).size).toBe(1);
});

test('a preference that names no label is refused by its path', async () => {
  const answer = await cluster.api.call<{ detail: string }>('POST', '/services', {
    name: 'web',
    task: { image: 'busybox', placement: { preferences: ['node.role'] } },
  });
  expect([answer.status, answer.body.detail]).toEqual([400, 'task.placement.preferences.0: "node.role" is no preference: expected node.labels.NAME']);
});

test('a task goes back to the node that has its volume, though others have less to do', async () => {
  const one = await join('one');
  const store = await create('store', 1, { mounts: [{ type: 'volume', source: 'kept', target: '/kept' }] });
  expect(await placesOf(store, 1)).toEqual(['one']);
  const busy = await create('busy', 3, {});
  await placesOf(busy, 3);
  await join('two');
  const [task] = await cluster.tasksOf(store);
  if (task === undefined) throw new Error('the store has no task');
  one.tasks.exit(task.id, 0);
  const again = await eventually(
    async () => (await cluster.tasksOf(store)).find((other) => other.id !== task.id && other.status.state === 'running'),
    (other) => other !== undefined,
  );
  expect(again?.nodeName).toBe('one');
});

test('a node where a service keeps failing stops getting its tasks', async () => {
  await join('bad', { scripting: () => ({ failsWhile: 'starting' }) });
  const web = await create('web', 5, {});
  // with nowhere else to go, they fail where they are
  await eventually(
    async () => (await cluster.tasksOf(web)).filter((task) => task.status.state === 'failed').length,
    (failures) => failures >= 5,
  );
  await join('good');
  expect(await placesOf(web, 5)).toEqual(['good', 'good', 'good', 'good', 'good']);
});

test('a service that asks for it spreads to a node that joins, one task at a time, and the others stay', async () => {
  await join('one');
  await join('two');
  const spec = { mode: { type: 'replicated', replicas: 6 }, task: { image: 'busybox' } };
  const even = await cluster.api.send<Service>('POST', '/services', { name: 'even', rebalance: true, ...spec });
  const still = await cluster.api.send<Service>('POST', '/services', { name: 'still', ...spec });
  expect(await placesOf(even, 6)).toEqual(['one', 'one', 'one', 'two', 'two', 'two']);
  expect(await placesOf(still, 6)).toEqual(['one', 'one', 'one', 'two', 'two', 'two']);
  await join('three');
  await eventually(
    () => placesOf(even, 6),
    (places) => places.join() === 'one,one,three,three,two,two',
  );
  expect(await placesOf(still, 6)).toEqual(['one', 'one', 'one', 'two', 'two', 'two']);
});

test('more tasks that fit nowhere than are looked at together keep no others waiting', async () => {
  await join('one');
  const stuck = await create('stuck', 4_100, { placement: { constraints: ['node.labels.none == x'] } });
  await cluster.seen(stuck, ({ status }) => status.state === 'pending');
  const web = await create('web', 2, {});
  expect(await placesOf(web, 2)).toEqual(['one', 'one']);
});
