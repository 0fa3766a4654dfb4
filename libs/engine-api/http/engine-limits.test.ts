import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenUnix, silentLogger } from '@gantry/platform/node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EngineServer } from './engine-server.ts';

const limits = { requests: 6, requestsPerConnection: 4, headers: 20, stalledMs: 400 };
const chunk = Buffer.alloc(1 << 20, 'x');

let directory: string;
let engine: EngineServer;
let path: string;
let aborted: number;
const sockets: Socket[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'engine-limits-'));
  path = join(directory, 'engine.sock');
  aborted = 0;
  engine = new EngineServer({
    software: 'Docker/test (linux)',
    log: silentLogger(),
    limits,
    routes: [
      { method: 'GET', pattern: '/ping', handle: (exchange) => exchange.sendText(200, 'OK') },
      {
        method: 'GET',
        pattern: '/quiet',
        handle(exchange) {
          exchange.signal.addEventListener('abort', () => aborted++);
          exchange.startStream('application/json').write('begun');
        },
      },
      {
        method: 'POST',
        pattern: '/flood',
        handle(exchange) {
          exchange.signal.addEventListener('abort', () => aborted++);
          exchange.hijack('application/vnd.docker.raw-stream').output.write(chunk);
        },
      },
    ],
  });
  await listenUnix(engine.server, path);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await engine.close();
  await rm(directory, { recursive: true, force: true });
});

/** A connection that sends this; what comes is read from `received` unless it is paused. */
async function open(text: string): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect({ path });
  sockets.push(socket);
  socket.on('error', () => undefined);
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString();
  });
  await once(socket, 'connect');
  socket.write(text);
  return { socket, received: () => received };
}

const get = (target: string, headers = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

it('streams beyond the limit are refused in words, and there is room again when some end', async () => {
  const streams = [];
  for (let count = 0; count < limits.requests; count++) streams.push(await open(get('/quiet')));
  for (const { received } of streams) await expect.poll(received).toContain('begun');
  const refused = await open(get('/ping'));
  await expect.poll(refused.received).toMatch(/^HTTP\/1\.1 503 [\s\S]*more than 6 requests at a time: try again when some have ended/);
  streams[0]?.socket.destroy();
  // Refusals leave their connection as it was.
  await expect
    .poll(() => {
      refused.socket.write(get('/ping'));
      return refused.received();
    })
    .toContain('200 OK');
});

it('a connection cannot send requests ahead without end', async () => {
  const { socket, received } = await open(get('/quiet').repeat(limits.requestsPerConnection));
  await expect.poll(received).toContain('begun');
  const closed = once(socket, 'close');
  socket.write(get('/quiet').repeat(10 * limits.requestsPerConnection));
  await closed;
  await expect.poll(() => aborted).toBe(limits.requestsPerConnection);
  expect((await open(get('/ping'))).socket.destroyed).toBe(false);
});

it('more headers than anybody needs are refused', async () => {
  const { received } = await open(get('/ping', 'X-A: b\r\n'.repeat(limits.headers)));
  await expect.poll(received).toMatch(/^HTTP\/1\.1 431 [\s\S]*more than 20 headers/);
  const big = await open(get('/ping', `X-A: ${'b'.repeat(300 << 10)}\r\n`));
  await expect.poll(big.received).toMatch(/^HTTP\/1\.1 431 /);
});

it.each([
  ['an ordinary answer', ''],
  ['a hijacked one', 'Connection: Upgrade\r\nUpgrade: tcp\r\n'],
])('a client that stops reading is let go, one that has nothing to read is not: %s', async (_name, headers) => {
  const quiet = await open(get('/quiet'));
  await expect.poll(quiet.received).toContain('begun');
  const { socket } = await open(`POST /flood HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: 0\r\n\r\n`);
  socket.pause();
  await expect.poll(() => aborted, { timeout: 10_000 }).toBe(1);
  expect(quiet.socket.destroyed).toBe(false);
});
