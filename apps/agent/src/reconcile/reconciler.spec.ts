import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AssignedTask, type Assignments, type TaskStatusReport } from '@gantry/contracts/agent-link';
import { TaskId } from '@gantry/contracts/ids';
import { silentLogger } from '@gantry/platform/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeNode } from './fake-node.ts';
import { PayloadStore } from './payload-store.ts';
import { Reconciler } from './reconciler.ts';
import { TaskStore } from './task-store.ts';

let directory: string;
let node: FakeNode;
let agent: ReturnType<typeof startAgent>;
let version = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reconcile-'));
  node = new FakeNode();
  node.localImages.add('demo:1');
  agent = startAgent();
});
afterEach(async () => {
  await agent.end();
  rmSync(directory, { recursive: true });
});

/** An agent over the node and the data directory; ending one and starting another is a restart. */
function startAgent(options: { isLinked?: boolean; now?: () => number } = {}) {
  const store = new TaskStore(join(directory, 'tasks.db'));
  const reports: TaskStatusReport[] = [];
  const reconciler = new Reconciler({
    runtime: node.runtime,
    store,
    payloads: new PayloadStore(join(directory, 'payloads')),
    report: (status) => reports.push(status),
    logger: silentLogger(),
    patienceMs: 0,
    ...(options.now ? { now: options.now } : {}),
  });
  const abort = new AbortController();
  reconciler.setLinked(options.isLinked ?? true);
  const running = reconciler.run(abort.signal);
  let hasEnded = false;
  return {
    store,
    reports,
    reconciler,
    state: (taskId: TaskId) => store.record(taskId)?.state,
    async end() {
      if (hasEnded) return;
      hasEnded = true;
      abort.abort();
      await running;
      store.close();
    },
  };
}

function task(number: number, changes: Omit<Partial<AssignedTask>, 'spec'> & { spec?: object } = {}): AssignedTask {
  const taskId = TaskId.parse(String(number).padStart(25, '0'));
  return AssignedTask.parse({
    taskId,
    serviceId: 's'.repeat(25),
    serviceName: 'web',
    stackName: 'demo',
    name: `web.${number}.${taskId}`,
    slot: number,
    desiredState: 'running',
    ports: [],
    ...changes,
    spec: { image: 'demo:1', ...changes.spec },
  });
}

function complete(tasks: AssignedTask[], generation = 1): Assignments {
  version += 1;
  return { kind: 'complete', generation, appliesTo: null, resultsIn: `v${version}`, update: tasks, remove: [] };
}

const one = task(1);
const port = { protocol: 'tcp' as const, targetPort: 80, publishedPort: 8080, mode: 'ingress' as const };

test('an assigned task is made and reported, state by state', async () => {
  agent.reconciler.assign(complete([one]));
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('running'));
  expect(agent.reports.map(({ state }) => state)).toEqual(['preparing', 'starting', 'running']);
  expect(node.calls).toEqual([`create ${one.name}`, 'start']);
});

test('an agent started in place of another takes its tasks over as they are', async () => {
  agent.reconciler.assign(complete([one]));
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('running'));
  await agent.end();
  const before = node.calls.length;
  agent = startAgent();
  agent.reconciler.assign(complete([one, task(2)]));
  await vi.waitFor(() => expect(agent.state(task(2).taskId)).toBe('running'));
  expect(node.calls.slice(before)).toEqual([`create ${task(2).name}`, 'start']);
});

test('an agent without a control plane goes on from its disk', async () => {
  agent.reconciler.assign(complete([one]));
  await agent.end();
  agent = startAgent({ isLinked: false });
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('running'));
});

test('tasks of one image share its pull, and one that is taken away stops waiting for it', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  node.registry.set('far:1', promise);
  const [near, far] = [task(1, { spec: { image: 'far:1' } }), task(2, { spec: { image: 'far:1' } })];
  agent.reconciler.assign(complete([near, far]));
  await vi.waitFor(() => expect(node.calls).toEqual(['pull far:1']));
  agent.reconciler.assign(complete([near, { ...far, desiredState: 'shutdown' }]));
  await vi.waitFor(() => expect(agent.state(far.taskId)).toBe('shutdown'));
  resolve();
  await vi.waitFor(() => expect(agent.state(near.taskId)).toBe('running'));
  expect(node.calls).toEqual(['pull far:1', `create ${near.name}`, 'start']);
});

test('an image that is nowhere rejects the task, once', async () => {
  const lost = task(1, { spec: { image: 'nowhere:1' } });
  agent.reconciler.assign(complete([lost]));
  await vi.waitFor(() => expect(agent.state(lost.taskId)).toBe('rejected'));
  agent.reconciler.wakeAll();
  await vi.waitFor(() => expect(agent.reports.at(-1)).toMatchObject({ state: 'rejected', error: 'pull the image nowhere:1: no such image: nowhere:1' }));
  expect(node.calls).toEqual(['pull nowhere:1']);
});

test('a process that fails keeps its exit code and its last words, and is not restarted', async () => {
  agent.reconciler.assign(complete([one]));
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('running'));
  node.exit(node.container(one.taskId)?.id ?? '', 3);
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('failed'));
  expect(agent.store.record(one.taskId)).toMatchObject({ exitCode: 3, error: 'task: non-zero exit (3)\nlast output:\nout of luck' });
  expect(node.calls.filter((call) => call === 'start')).toHaveLength(1);
});

test('out of reach of the control plane a process that fails is restarted here', async () => {
  await agent.end();
  agent = startAgent({ isLinked: false });
  const restarting = task(1, { spec: { restartPolicy: { condition: 'any', delayMs: 1, windowMs: 0 } } });
  agent.reconciler.assign(complete([restarting]));
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('running'));
  node.exit(node.container(one.taskId)?.id ?? '', 3);
  await vi.waitFor(() => expect(agent.store.record(one.taskId)).toMatchObject({ state: 'running', localRestarts: 1 }));
  expect(node.container(one.taskId)?.state.status).toBe('running');
});

test('a task that may not run alone is stopped once its node has been cut off for too long', async () => {
  const lonely = task(1, { spec: { partition: { policy: 'stop', afterMs: 60_000 } } });
  agent.reconciler.assign(complete([lonely]));
  await vi.waitFor(() => expect(agent.state(lonely.taskId)).toBe('running'));
  await agent.end();
  const minutesLater = Date.now() + 120_000;
  agent = startAgent({ isLinked: false, now: () => minutesLater });
  await vi.waitFor(() => expect(agent.state(lonely.taskId)).toBe('shutdown'));
  expect(node.container(lonely.taskId)?.state.status).toBe('exited');
});

test('a start that fails says why', async () => {
  node.startFailure = 'exec: "nonsense": not found';
  agent.reconciler.assign(complete([one]));
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('failed'));
  expect(agent.store.record(one.taskId)?.error).toContain('exec: "nonsense": not found');
});

test('what is no longer assigned is stopped, removed and forgotten', async () => {
  agent.reconciler.assign(complete([one]));
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('running'));
  agent.reconciler.assign(complete([]));
  await vi.waitFor(() => expect(agent.store.record(one.taskId)).toBeNull());
  expect(node.calls.slice(-2)).toEqual(['stop', 'remove']);
});

test('nothing is an orphan before the first assignments', async () => {
  agent.reconciler.assign(complete([one]));
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('running'));
  await agent.end();
  rmSync(join(directory, 'tasks.db'));
  agent = startAgent();
  agent.reconciler.wakeAll();
  await new Promise((resolve) => setImmediate(resolve));
  expect(node.container(one.taskId)?.state.status).toBe('running');
  agent.reconciler.assign(complete([]));
  await vi.waitFor(() => expect(node.container(one.taskId)).toBeUndefined());
});

test('assignments of an older generation are refused', () => {
  agent.reconciler.assign(complete([one], 7));
  expect(agent.reconciler.assign(complete([], 6))).toBeNull();
  expect(agent.store.held?.tasks.size).toBe(1);
});

test('a host that became another node runs on until its first assignments, whatever their generation', async () => {
  agent.reconciler.assign(complete([one], 7));
  await vi.waitFor(() => expect(agent.state(one.taskId)).toBe('running'));
  agent.reconciler.startOver();
  await agent.end();
  agent = startAgent();
  expect(agent.store.held).toBeNull();
  expect(agent.reconciler.assign(complete([task(2)], 1))).toMatchObject({ type: 'assignments.applied' });
  await vi.waitFor(() => expect([node.container(one.taskId), agent.state(task(2).taskId)]).toEqual([undefined, 'running']));
});

test("a service's port leads to its running tasks, as they come and go", async () => {
  const tasks = [task(1, { ports: [port] }), task(2, { ports: [port] })];
  const [first, second] = tasks;
  if (first === undefined || second === undefined) throw new Error('two tasks');
  const targets = () => node.published.get(`ingress:${first.serviceId}`)?.[0]?.targets.map(({ ip }) => ip);
  agent.reconciler.assign(complete(tasks));
  await vi.waitFor(() => expect(targets()).toEqual(['10.0.0.2', '10.0.0.3']));
  await vi.waitFor(() => expect(agent.store.record(first.taskId)?.ports).toEqual([port]));

  agent.reconciler.assign(complete([{ ...first, desiredState: 'shutdown' }, second]));
  await vi.waitFor(() => expect(agent.state(first.taskId)).toBe('shutdown'));
  expect(targets()).toHaveLength(1);

  agent.reconciler.assign(complete([]));
  await vi.waitFor(() => expect(node.published.size).toBe(0));
});

test('a port that is taken is said in the status, and published when it is free', async () => {
  node.takenPort = 8080;
  const published = task(1, { ports: [port] });
  agent.reconciler.assign(complete([published]));
  await vi.waitFor(() =>
    expect(agent.store.record(published.taskId)).toMatchObject({ state: 'running', ports: [], message: 'started; not published: port is already allocated' }),
  );
  node.takenPort = null;
  agent.reconciler.wakeAll();
  await vi.waitFor(() => expect(agent.reports.at(-1)).toMatchObject({ state: 'running', ports: [port], message: 'started' }));
});
