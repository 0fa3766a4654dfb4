import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { AssignedTask, encodeControlFrame } from '@gantry/contracts/agent-link';
import { TaskId } from '@gantry/contracts/ids';
import { TestControlPlane } from '@gantry/testing/control-plane';
import { afterEach, expect, test } from 'vitest';
import { FakeEngine, type Scripting, SimulatedAgent, startFleet } from './index.ts';

const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function plane(): Promise<TestControlPlane> {
  const listening = await TestControlPlane.listen();
  open.push(listening);
  return listening;
}

async function connected(controlPlane: TestControlPlane, options: { scripting?: Scripting; engine?: FakeEngine } = {}): Promise<SimulatedAgent> {
  const agent = new SimulatedAgent({ serverUrl: controlPlane.url, joinToken: controlPlane.joinToken, name: 'node', ...options });
  open.push(agent);
  await agent.connect();
  await agent.until(() => agent.isConnected && agent.held !== null);
  return agent;
}

function task(number: number, changes: Partial<AssignedTask> = {}): AssignedTask {
  const taskId = TaskId.parse(String(number).padStart(25, '0'));
  return AssignedTask.parse({
    taskId,
    serviceId: 's'.repeat(25),
    serviceName: 'web',
    stackName: null,
    name: `web.${number}.${taskId}`,
    slot: number,
    desiredState: 'running',
    spec: { image: 'demo:1' },
    ports: [],
    ...changes,
  });
}

test('an assigned task runs, is shut down and is forgotten', async () => {
  const controlPlane = await plane();
  const agent = await connected(controlPlane);
  const one = task(1);
  controlPlane.assign(controlPlane.node, { update: [one] });
  await controlPlane.until(() => controlPlane.status(one.taskId)?.state === 'running');
  controlPlane.assign(controlPlane.node, { update: [{ ...one, desiredState: 'shutdown' }] });
  await controlPlane.until(() => controlPlane.status(one.taskId)?.state === 'shutdown');
  controlPlane.assign(controlPlane.node, { remove: [one.taskId] });
  await agent.until(() => agent.assigned.length === 0);
  expect(agent.tasks.statuses).toEqual([]);
});

test('scripted faults: rejected, failed to start, exits later', async () => {
  const controlPlane = await plane();
  const scripting: Scripting = ({ slot }) =>
    [{}, { failsWhile: 'preparing' as const }, { failsWhile: 'starting' as const }, { runsForMs: 1, exitCode: 7 }][slot] ?? {};
  await connected(controlPlane, { scripting });
  const tasks = [task(1), task(2), task(3)];
  controlPlane.assign(controlPlane.node, { update: tasks });
  const states = () => tasks.map(({ taskId }) => controlPlane.status(taskId)?.state);
  await controlPlane.until(() => states().join() === 'rejected,failed,failed');
  expect(controlPlane.status(task(3).taskId)?.exitCode).toBe(7);
});

test('statuses that changed while the link was down are told after it', async () => {
  const controlPlane = await plane();
  const agent = await connected(controlPlane, { scripting: () => ({ preparingMs: 30 }) });
  const one = task(1);
  controlPlane.assign(controlPlane.node, { update: [one] });
  await agent.until(() => agent.tasks.get(one.taskId)?.state === 'preparing');
  agent.drop();
  await controlPlane.until(() => controlPlane.node.connection === null);
  await agent.until(() => agent.tasks.get(one.taskId)?.state === 'running');
  await controlPlane.until(() => controlPlane.status(one.taskId)?.state === 'running');
});

test('a gap in the chain of assignments is mended by a complete set', async () => {
  const controlPlane = await plane();
  const agent = await connected(controlPlane);
  controlPlane.node.version = 'lost';
  controlPlane.assign(controlPlane.node, { update: [task(1)] });
  await agent.until(() => agent.assigned.length === 1);
  expect(controlPlane.node.messages.filter(({ type }) => type === 'assignments.resync')).toHaveLength(1);
});

test('an unknown message is answered and the link lives on', async () => {
  const controlPlane = await plane();
  const agent = await connected(controlPlane);
  controlPlane.node.connection?.sendRaw(encodeControlFrame({ type: 'later.invention' }));
  await controlPlane.until(() => controlPlane.node.messages.some((message) => message.type === 'protocol.unknown' && message.received === 'later.invention'));
  expect(agent.isConnected).toBe(true);
});

test('the engine of a node is reached through its link', async () => {
  const controlPlane = await plane();
  await connected(controlPlane, { engine: new FakeEngine((incoming, response) => incoming.pipe(response)) });
  const stream = await controlPlane.node.connection?.streams.open({ target: 'engine' });
  if (stream === undefined) throw new Error('not connected');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = request({ method: 'POST', path: '/', createConnection: () => stream }, (response) => text(response).then(resolve, reject));
  outgoing.once('error', reject);
  const body = 'b'.repeat(1_000_000);
  outgoing.end(body);
  expect(await promise).toBe(body);
});

test('a fleet connects', async () => {
  const controlPlane = await plane();
  const agents = await startFleet({ serverUrl: controlPlane.url, joinToken: controlPlane.joinToken, count: 40 });
  open.push(...agents);
  expect([...controlPlane.nodes.values()].filter(({ connection }) => connection !== null)).toHaveLength(40);
});
