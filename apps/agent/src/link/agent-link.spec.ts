import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Assignments, encodeControlFrame, type TaskStatusReport, type ToServer } from '@gantry/contracts/agent-link';
import { NodeId } from '@gantry/contracts/ids';
import { listenUnix, silentLogger } from '@gantry/platform/node';
import { simulatedFacts } from '@gantry/testing/agent';
import { TestControlPlane } from '@gantry/testing/control-plane';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentLink, type AgentLinkOptions } from './agent-link.ts';
import { Identity } from './identity.ts';
import { StatusOutbox } from './status-outbox.ts';

let directory: string;
let plane: TestControlPlane;
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'link-'));
  plane = await TestControlPlane.listen();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await plane.close();
  rmSync(directory, { recursive: true });
});

async function linked(changes: Partial<AgentLinkOptions> = {}) {
  const received: Assignments[] = [];
  const outbox = new StatusOutbox();
  const abort = new AbortController();
  const identity = await Identity.open(directory);
  const link = new AgentLink({
    serverUrl: plane.url,
    joinToken: plane.joinToken,
    nodeName: 'host-1',
    identity,
    facts: () => simulatedFacts('host-1'),
    build: 'test',
    engineSocket: join(directory, 'engine.sock'),
    outbox,
    logger: silentLogger(),
    latestStatuses: () => [],
    onPayloads: () => undefined,
    onAssignments: (assignments): ToServer => {
      received.push(assignments);
      return { type: 'assignments.applied', resultsIn: assignments.resultsIn };
    },
    onLinkChanged: () => undefined,
    onNewNode: () => undefined,
    ...changes,
  });
  const running = link.run(abort.signal);
  const stop = () => {
    abort.abort();
    return running;
  };
  closers.push(stop);
  return { received, stop };
}

const isLinked = () => plane.nodes.size === 1 && plane.node.connection !== null;

test('a node registers once, keeps its key to itself, and comes back as the same node', async () => {
  const first = await linked();
  await plane.until(() => isLinked() && first.received.length === 1);
  const { nodeId } = plane.node;
  expect(plane.node.facts).toEqual(simulatedFacts('host-1'));
  expect(statSync(join(directory, 'identity.json')).mode & 0o777).toBe(0o600);
  await first.stop();

  await linked({ joinToken: null });
  await plane.until(isLinked);
  expect(plane.node.nodeId).toBe(nodeId);
});

test('a lost connection is replaced, and the latest statuses are told again', async () => {
  const status: TaskStatusReport = {
    taskId: `${'0'.repeat(24)}1` as TaskStatusReport['taskId'],
    state: 'running',
    at: '2026-01-01T00:00:00.000Z',
    message: '',
    error: null,
    containerId: null,
    exitCode: null,
    ports: [],
  };
  await linked({ latestStatuses: () => [status] });
  await plane.until(() => isLinked() && plane.node.reports.length === 1);
  const first = plane.node.connection;
  plane.dropAll();
  await plane.until(() => isLinked() && plane.node.connection !== first && plane.node.reports.length === 2);
  expect(plane.node.reports).toEqual([status, status]);
});

test('heartbeats arrive', async () => {
  plane.heartbeatMs = 10;
  await linked();
  await plane.until(() => isLinked() && plane.node.messages.filter(({ type }) => type === 'heartbeat').length >= 3);
});

test('facts are told again when they change, and only then', async () => {
  plane.heartbeatMs = 10;
  let facts = simulatedFacts('host-1');
  await linked({ facts: () => facts });
  await plane.until(() => isLinked() && plane.node.messages.filter(({ type }) => type === 'heartbeat').length >= 2);
  facts = { ...facts, addresses: ['198.51.100.9'] };
  await plane.until(() => plane.node.messages.some(({ type }) => type === 'facts.report'));
  const told = plane.node.messages.length;
  await plane.until(() => plane.node.messages.length >= told + 3);
  expect(plane.node.messages.filter(({ type }) => type === 'facts.report')).toEqual([{ type: 'facts.report', facts }]);
});

test('a silent server is given up and dialled again', async () => {
  plane.heartbeatMs = 20;
  await linked();
  await plane.until(isLinked);
  const first = plane.node.connection;
  first?.pause();
  await plane.until(() => isLinked() && plane.node.connection !== first);
});

test('a pause of the agent itself is not taken for silence of the server', async () => {
  plane.heartbeatMs = 20;
  await linked();
  await plane.until(isLinked);
  const { connection } = plane.node;
  const until = performance.now() + 300;
  while (performance.now() < until);
  const heard = plane.node.messages.length;
  await plane.until(() => plane.node.messages.length >= heard + 4);
  expect(plane.node.connection).toBe(connection);
});

test('unknown and malformed messages cost only themselves', async () => {
  const { received } = await linked();
  await plane.until(() => isLinked() && received.length === 1);
  const { connection } = plane.node;
  connection?.sendRaw(Buffer.from('\x07nonsense'));
  connection?.sendRaw(encodeControlFrame({ type: 'assignments.sync', assignments: 'none' }));
  connection?.sendRaw(encodeControlFrame({ type: 'later.invention' }));
  await plane.until(() => plane.node.messages.some((message) => message.type === 'protocol.unknown' && message.received === 'later.invention'));
  plane.sendComplete(plane.node);
  await plane.until(() => plane.node.messages.filter(({ type }) => type === 'assignments.applied').length === 2);
  expect(plane.node.connection).toBe(connection);
});

test('assignments that can not be stored are asked for again, on a new connection', async () => {
  let failures = 1;
  await linked({
    onAssignments: (assignments) => {
      if (failures-- > 0) throw new Error('disk full');
      return { type: 'assignments.applied', resultsIn: assignments.resultsIn };
    },
  });
  await plane.until(() => isLinked() && plane.node.messages.some(({ type }) => type === 'assignments.applied'));
  expect(plane.node.messages.filter(({ type }) => type === 'hello')).toHaveLength(2);
});

test('a node the control plane no longer knows joins again by its token', async () => {
  await (await Identity.open(directory)).rememberNodeId(NodeId.parse('z'.repeat(25)));
  let newNodes = 0;
  await linked({ onNewNode: () => (newNodes += 1) });
  await plane.until(isLinked);
  expect(newNodes).toBe(1);
  expect(plane.node.nodeId).not.toBe('z'.repeat(25));
});

test('a stream reaches the engine of this node, and failing streams do not touch the link', async () => {
  await linked();
  await plane.until(isLinked);
  const connection = plane.node.connection;
  if (connection === null) throw new Error('not linked');
  await expect(connection.streams.open({ target: 'engine' })).rejects.toThrow('connect to the engine of this node');

  const engine = createServer((incoming, response) => incoming.pipe(response));
  await listenUnix(engine, join(directory, 'engine.sock'));
  closers.push(() => engine.close());
  const stream = await connection.streams.open({ target: 'engine' });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = request({ method: 'POST', path: '/', createConnection: () => stream }, (response) => text(response).then(resolve, reject));
  outgoing.once('error', reject);
  const body = 'b'.repeat(3_000_000);
  outgoing.end(body);
  expect(await promise).toBe(body);
  expect(plane.node.connection).toBe(connection);
});
