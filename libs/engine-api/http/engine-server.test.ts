import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineError } from '@gantry/engine-api/protocol';
import { listenUnix, silentLogger } from '@gantry/platform/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EngineServer } from './engine-server.ts';

let directory: string;
let engine: EngineServer;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'engine-server-'));
  path = join(directory, 'engine.sock');
  engine = new EngineServer({
    software: 'Docker/test (linux)',
    log: silentLogger(),
    routes: [
      {
        method: 'POST',
        pattern: '/echo/{name}',
        handle: async (exchange) => {
          const body = await exchange.json(z.object({ Greeting: z.string() }));
          if (exchange.param('name') === 'nobody') throw new EngineError(404, 'No such container: nobody');
          const { input, output } = exchange.hijack('application/vnd.docker.raw-stream');
          output.write(`${body.Greeting}\n`);
          for await (const chunk of input) output.write(chunk);
          output.end('<eof>');
        },
      },
      {
        method: 'POST',
        pattern: '/attach',
        handle: async (exchange) => {
          const { input, output } = exchange.hijack('application/vnd.docker.raw-stream');
          for await (const chunk of input) output.write(chunk);
          output.end('<eof>');
        },
      },
    ],
  });
  await listenUnix(engine.server, path);
});

afterEach(async () => {
  await engine.close();
  await rm(directory, { recursive: true, force: true });
});

async function talk(parts: readonly string[], expected: string): Promise<string> {
  const socket: Socket = connect({ path, allowHalfOpen: true });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString();
  });
  const ended = new Promise<void>((resolve) => socket.once('end', resolve));
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  socket.end();
  await ended;
  socket.destroy();
  expect(received).toContain(expected);
  return received;
}

const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n';
const json = '{"Greeting":"hi"}';

describe('EngineServer', () => {
  it.each([
    ['in one piece', [`POST /v1.41/echo/x HTTP/1.1\r\n${upgrade}Content-Length: ${json.length}\r\n\r\n${json}typed`]],
    [
      'body later than the headers',
      [`POST /echo/x HTTP/1.1\r\n${upgrade}Content-Length: ${json.length}\r\n\r\n`, json.slice(0, 4), `${json.slice(4)}ty`, 'ped'],
    ],
    ['chunked', [`POST /echo/x HTTP/1.1\r\n${upgrade}Transfer-Encoding: chunked\r\n\r\n`, `${json.length.toString(16)}\r\n${json}\r\n0\r\n`, '\r\ntyped']],
  ])('reads the body of an upgraded request and hands on only what follows: %s', async (_name, parts) => {
    const received = await talk(parts, 'hi\ntyped<eof>');
    expect(received).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n/);
    expect(received).toContain('Content-Type: application/vnd.docker.raw-stream');
  });

  it('answers a hijack before the client ends its chunked body', async () => {
    await talk([`POST /attach HTTP/1.1\r\n${upgrade}Transfer-Encoding: chunked\r\n\r\n`, '0\r\n', '\r\nls\n'], '\r\n\r\nls\n<eof>');
  });

  it('sends the same bytes without framing when there is no Upgrade header', async () => {
    const received = await talk(['POST /attach HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'], 'abc<eof>');
    expect(received).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(received).not.toMatch(/chunked|content-length/i);
  });

  it.each([
    ['error of the route', 'POST /echo/nobody', json, 404, 'No such container: nobody'],
    ['unknown path', 'POST /nothing', json, 404, 'page not found'],
    ['wrong method', 'GET /attach', '', 404, 'page not found'],
    ['too new', 'POST /v1.99/attach', '', 400, 'client version 1.99 is too new. Maximum supported API version is 1.51'],
    ['bad JSON', 'POST /echo/x', '{"Greeting"', 400, 'invalid JSON'],
    ['wrong shape', 'POST /echo/x', '{"Greeting":7}', 400, 'Greeting'],
    ['broken escape', 'POST /echo/%zz', json, 400, 'invalid path'],
  ])('answers an upgraded request that fails with an ordinary response: %s', async (_name, target, body, status, message) => {
    const received = await talk([`${target} HTTP/1.1\r\n${upgrade}Content-Length: ${body.length}\r\n\r\n${body}`], message);
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});
