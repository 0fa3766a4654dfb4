import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Problem, Service, Task } from '@gantry/contracts/http-api';
import type { LiveEvent } from '@gantry/contracts/live';
import { multiplex, outputStream } from '@gantry/engine-api/stream';
import { FakeEngine, SimulatedAgent } from '@gantry/testing/agent';
import type { PostgresServer } from '@gantry/testing/postgres';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually, localSecret, startApi, startPostgres, type TestApi } from './api-fixture.ts';

let postgres: PostgresServer;
let api: TestApi;
let agent: SimulatedAgent | undefined;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres?.stop();
});

beforeEach(async () => {
  api = await startApi(postgres);
});

afterEach(async () => {
  agent?.close();
  await api?.close();
});

const authorization = `Bearer ${localSecret}`;

/** One node whose engine answers as given, and a task that runs on it. */
async function startTask(engine: FakeEngine, task: object = {}): Promise<Task> {
  agent = new SimulatedAgent({ serverUrl: api.url, name: 'host', joinToken: localSecret, engine });
  await agent.connect();
  const service = await api.send<Service>('POST', '/services', { name: 'web', task: { image: 'busybox', ...task } });
  const [running] = await eventually(
    async () => (await api.get<{ items: Task[] }>(`/tasks?serviceId=${service.id}`)).items,
    (tasks) => tasks[0]?.status.state === 'running',
  );
  if (running === undefined) throw new Error('no task runs');
  return running;
}

interface Feed {
  next(isWanted: (event: LiveEvent) => boolean): Promise<LiveEvent>;
  readonly seen: LiveEvent[];
  close(): void;
}

async function openFeed(): Promise<Feed> {
  const stop = new AbortController();
  const response = await fetch(`${api.url}/api/v1/live`, { headers: { authorization }, signal: stop.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const seen: LiveEvent[] = [];
  const read = async () => {
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) if (block.startsWith('data: ')) seen.push(JSON.parse(block.slice(6)));
    }
  };
  read().catch(() => undefined);
  return {
    seen,
    next: async (isWanted) => {
      const found = await eventually(
        async () => seen.find(isWanted),
        (event) => event !== undefined,
      );
      if (found === undefined) throw new Error('no such event');
      return found;
    },
    close: () => stop.abort(),
  };
}

test('the live feed begins with ready, tells each record’s changes in order, and that it is gone', async () => {
  const feed = await openFeed();
  const task = await startTask(new FakeEngine());
  await feed.next((event) => event.type === 'task.changed' && event.task.status.state === 'running');
  await api.send('DELETE', `/services/${task.serviceId}`);
  await feed.next((event) => event.type === 'service.removed' && event.serviceId === task.serviceId);
  await feed.next((event) => event.type === 'task.removed' && event.taskId === task.id);
  feed.close();
  expect(feed.seen[0]).toEqual({ type: 'ready' });
  const versions = feed.seen.flatMap((event) => (event.type === 'task.changed' && event.task.id === task.id ? [event.task.version] : []));
  expect(versions.length).toBeGreaterThan(1);
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  expect(feed.seen.some((event) => event.type === 'node.changed' && event.node.status.state === 'ready')).toBe(true);
});

function logEngine(write: (response: ServerResponse, url: URL) => void): FakeEngine {
  return new FakeEngine((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://engine');
    if (url.pathname.endsWith('/logs')) write(response, url);
    else response.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"page not found"}');
  });
}

test('logs come as lines with stream and time, however they were cut on the way', async () => {
  const whole = Buffer.concat([
    multiplex(outputStream.stdout, Buffer.from('2026-01-01T00:00:00.1Z first\n2026-01-01T00:00:00.2Z hal')),
    multiplex(outputStream.stderr, Buffer.from('2026-01-01T00:00:00.3Z oops\n')),
    multiplex(outputStream.stdout, Buffer.from('f line\n2026-01-01T00:00:00.4Z no end')),
  ]);
  let asked = '';
  const task = await startTask(
    logEngine((response, url) => {
      asked = url.search;
      response.write(whole.subarray(0, 11));
      response.end(whole.subarray(11));
    }),
  );
  const answer = await api.call<string>('GET', `/tasks/${task.id}/logs?tail=50`);
  expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
  expect(asked).toContain('tail=50');
  expect(
    String(answer.body)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { stream: 'stdout', at: '2026-01-01T00:00:00.1Z', line: 'first' },
    { stream: 'stderr', at: '2026-01-01T00:00:00.3Z', line: 'oops' },
    { stream: 'stdout', at: '2026-01-01T00:00:00.2Z', line: 'half line' },
    { stream: 'stdout', at: '2026-01-01T00:00:00.4Z', line: 'no end' },
  ]);
  expect(await api.call<Problem>('GET', `/tasks/${task.id}/logs?tail=many`)).toMatchObject({ status: 400, body: { errors: [{ field: 'tail' }] } });
});

test('a reader who stops reading stalls its own stream, and nobody else’s', async () => {
  let written = 0;
  const flood = Buffer.from(`2026-01-01T00:00:00Z ${'x'.repeat(1_000)}\n`);
  const task = await startTask(
    logEngine((response, url) => {
      if (url.searchParams.get('follow') === '0') {
        response.end(multiplex(outputStream.stdout, Buffer.from('2026-01-01T00:00:00Z quick\n')));
        return;
      }
      const pour = () => {
        while (!response.destroyed) {
          written += flood.length;
          if (!response.write(multiplex(outputStream.stdout, flood))) break;
        }
      };
      response.on('drain', pour);
      pour();
    }),
  );
  const stop = new AbortController();
  const slow = await fetch(`${api.url}/api/v1/tasks/${task.id}/logs?follow=true`, { headers: { authorization }, signal: stop.signal });
  const reader = slow.body?.getReader();
  await reader?.read();
  // the flood comes to rest when every buffer on the way is full
  let before = -1;
  await eventually(
    async () => {
      const grown = written - before;
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return grown;
    },
    (grown) => grown === 0,
  );
  const quick = await api.call<string>('GET', `/tasks/${task.id}/logs`);
  expect(String(quick.body)).toContain('quick');
  await api.send('POST', `/services/${task.serviceId}/scale`, { replicas: 2 });
  await eventually(
    () => api.get<Service>(`/services/${task.serviceId}`),
    (service) => service.status.runningTasks === 2,
  );
  expect(written).toBe(before);
  stop.abort();
});

function execEngine(serve: (stream: Duplex) => void, calls: string[]): FakeEngine {
  const engine = new FakeEngine((request, response) => {
    const path = request.url ?? '';
    calls.push(`${request.method} ${path}`);
    const answers: [RegExp, unknown][] = [
      [/\/containers\/[0-9a-f]+\/exec$/, { Id: 'e1' }],
      [/\/exec\/e1\/json$/, { ExitCode: 7, Running: false }],
      [/\/exec\/e1\/resize/, {}],
    ];
    const answer = answers.find(([pattern]) => pattern.test(path))?.[1];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? { message: 'page not found' }));
  });
  engine.onUpgrade((path, stream) => {
    calls.push(`UPGRADE ${path}`);
    serve(stream);
  });
  return engine;
}

test('a terminal carries bytes both ways, resizes, and ends with the command’s exit code', async () => {
  const calls: string[] = [];
  const task = await startTask(
    execEngine((stream) => {
      stream.write('$ ');
      stream.on('data', (chunk: Buffer) => {
        if (chunk.toString() === 'exit\r') stream.end('bye');
        else stream.write(chunk.toString().toUpperCase());
      });
    }, calls),
  );
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/tasks/${task.id}/terminal?height=30&width=100`, { headers: { authorization } });
  let output = '';
  let ended: unknown = null;
  socket.on('message', (message: Buffer, isBinary) => {
    if (isBinary) output += message.toString();
    else ended = JSON.parse(message.toString());
  });
  await new Promise((resolve) => socket.once('open', resolve));
  await eventually(
    async () => output,
    (text) => text === '$ ',
  );
  socket.send(JSON.stringify({ type: 'resize', height: 40, width: 120 }));
  socket.send(Buffer.from('hostname\r'));
  await eventually(
    async () => output,
    (text) => text.includes('HOSTNAME'),
  );
  await eventually(
    async () => calls,
    (all) => all.some((call) => call.includes('/exec/e1/resize?h=40&w=120')),
  );
  socket.send(Buffer.from('exit\r'));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(output).toMatch(/bye$/);
  expect(ended).toEqual({ type: 'ended', exitCode: 7, reason: 'the command ended' });
});

test('a terminal is refused before the upgrade: without a role, from another origin, for no task', async () => {
  const dial = (path: string, headers: Record<string, string>) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1${path}`, { headers });
      socket.on('error', () => undefined);
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
    });
  const path = `/tasks/${'0'.repeat(25)}/terminal`;
  expect(await dial(path, {})).toBe(401);
  expect(await dial(path, { authorization, origin: 'https://evil.example' })).toBe(403);
  expect(await dial('/tasks/short/terminal', { authorization })).toBe(400);
  expect(await dial('/nowhere', { authorization })).toBe(404);
});

test('a node’s containers are what its own engine lists', async () => {
  const listed = [
    {
      Id: 'a'.repeat(64),
      Names: ['/web'],
      Image: 'busybox',
      State: 'running',
      Status: 'Up',
      Created: 1,
      Labels: { 'com.docker.swarm.task.id': 't' },
      Ports: [{ PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
    },
  ];
  const task = await startTask(new FakeEngine((_, response) => void response.end(JSON.stringify(listed))));
  const { items } = await api.get<{ items: object[] }>(`/nodes/${task.nodeId}/containers`);
  expect(items).toEqual([
    {
      id: 'a'.repeat(64),
      name: 'web',
      image: 'busybox',
      state: 'running',
      status: 'Up',
      createdAt: '1970-01-01T00:00:01.000Z',
      taskId: 't',
      ports: [{ hostIp: null, hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    },
  ]);
  agent?.close();
  expect(
    await eventually(
      () => api.call<Problem>('GET', `/nodes/${task.nodeId}/containers`),
      (answer) => answer.status === 503,
    ),
  ).toMatchObject({ body: { code: 'unavailable' } });
});
