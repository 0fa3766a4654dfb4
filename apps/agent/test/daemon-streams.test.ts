import { createServer } from 'node:http';
import { connect } from 'node:net';
import { toTar } from '@gantry/testing/images';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { ask, talk } from './daemon/raw-engine.ts';

let agent: AgentProcess;
beforeAll(async () => {
  agent = await AgentProcess.create({ octet: 224 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
});
afterAll(() => agent.destroy());
afterEach(async () => {
  for (const id of await agent.containerIds()) await ask(agent.engineSocket, 'DELETE', `/containers/${id}?force=1&v=1`);
});

const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n';
const post = (path: string, body: unknown = '') => ask(agent.engineSocket, 'POST', path, body === '' ? '' : JSON.stringify(body));

async function create(cmd: string[], options: Record<string, unknown> = {}): Promise<string> {
  const { HostConfig, ...rest } = options;
  const { status, body } = await post('/containers/create', {
    Image: 'bb:1',
    Cmd: cmd,
    ...rest,
    HostConfig: { NetworkMode: 'none', ...(HostConfig as object | undefined) },
  }); // a plain object or nothing
  expect(status, body).toBe(201);
  return (JSON.parse(body) as { Id: string }).Id; // Docker's create answer
}

async function start(cmd: string[], options?: Record<string, unknown>): Promise<string> {
  const id = await create(cmd, options);
  expect((await post(`/containers/${id}/start`)).status).toBe(204);
  return id;
}

async function exec(id: string, cmd: string[]): Promise<string> {
  const { body } = await post(`/containers/${id}/exec`, { Cmd: cmd, AttachStdin: true, AttachStdout: true, AttachStderr: true });
  return (JSON.parse(body) as { Id: string }).Id; // Docker's exec answer
}

const inspect = async (path: string) => JSON.parse((await ask(agent.engineSocket, 'GET', path)).body) as Record<string, unknown>; // Docker's inspect answers

test('a client that half-closes at once still gets all output, and the code is there when the stream ends', async () => {
  const id = await start(['sleep', '1000']);
  const execId = await exec(id, ['sh', '-c', 'sleep 0.2; echo late; exit 6']);
  const body = '{"Detach":false,"Tty":false}';
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect({ path: agent.engineSocket, allowHalfOpen: true });
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.once('end', () => resolve(received));
    socket.once('error', reject);
    socket.end(`POST /v1.50/exec/${execId}/start HTTP/1.1\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  expect(answer).toContain('101 UPGRADED');
  expect(answer).toContain('application/vnd.docker.multiplexed-stream');
  expect(answer).toContain('\x01\0\0\0\0\0\0\x05late\n');
  expect(await inspect(`/exec/${execId}/json`)).toMatchObject({ Running: false, ExitCode: 6 });
});

test('the body of an exec start never reaches the process', async () => {
  const id = await start(['sleep', '1000']);
  const execId = await exec(id, ['sh', '-c', 'read line; echo "[$line]"']);
  const body = '{"Detach":false,"Tty":false}';
  const answer = await talk(
    agent.engineSocket,
    `POST /v1.41/exec/${execId}/start HTTP/1.1\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}typed\n`,
  );
  expect(answer).toContain('[typed]\n');
  expect(answer).toContain('application/vnd.docker.raw-stream');
});

test('errors before a hijack are ordinary answers', async () => {
  const id = await create(['true']);
  expect(await talk(agent.engineSocket, `POST /containers/nosuch/attach?stream=1&stdout=1 HTTP/1.1\r\n${upgrade}Content-Length: 0\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 404 [\s\S]*No such container: nosuch/,
  );
  expect(await post(`/containers/${id}/exec`, { Cmd: ['true'] })).toMatchObject({ status: 409, body: expect.stringContaining('is not running') });
  expect(await post('/exec/nosuch/start', { Detach: true })).toMatchObject({ status: 404, body: expect.stringContaining('No such exec instance: nosuch') });
});

test('wait for a removal gets the code after the container is gone', async () => {
  const id = await create(['sh', '-c', 'exit 5'], { HostConfig: { AutoRemove: true } });
  const waiting = post(`/containers/${id}/wait?condition=removed`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await post(`/containers/${id}/start`);
  expect(JSON.parse((await waiting).body)).toEqual({ Error: null, StatusCode: 5 });
  expect((await ask(agent.engineSocket, 'GET', `/containers/${id}/json`)).status).toBe(404);
});

test('an empty object is no body', async () => {
  const id = await create(['true']);
  expect((await post(`/containers/${id}/start`, {})).status).toBe(204);
  await post(`/containers/${id}/wait`);
  expect((await post(`/containers/${id}/start`, { Binds: [] })).status).toBe(400);
  expect((await ask(agent.engineSocket, 'DELETE', `/containers/${id}`, '{}')).status).toBe(204);
});

test('starting what runs and stopping what does not changes nothing', async () => {
  const id = await start(['sleep', '1000'], { StopSignal: 'KILL' });
  expect(await post(`/containers/${id}/start`)).toEqual({ status: 304, body: '' });
  expect((await post(`/containers/${id}/stop`)).status).toBe(204);
  expect(await post(`/containers/${id}/stop`)).toEqual({ status: 304, body: '' });
});

test('a failed start leaves the container, with its reason', async () => {
  const id = await create(['/nosuch']);
  const { status, body } = await post(`/containers/${id}/start`);
  expect(status).toBe(400);
  expect(body).toMatch(/no such file or directory|executable file not found/);
  expect(await inspect(`/containers/${id}/json`)).toMatchObject({ State: { Status: 'created', ExitCode: 127 } });
});

test('fifty clients follow one log to its end', async () => {
  const id = await start(['sh', '-c', 'for i in $(seq 1 200); do echo line $i; done; sleep 0.5; echo last']);
  const followers = Array.from({ length: 50 }, () => ask(agent.engineSocket, 'GET', `/containers/${id}/logs?follow=1&stdout=1`));
  for (const { body } of await Promise.all(followers)) {
    expect(body).toContain('line 1\n');
    expect(body.match(/line \d+\n/g)).toHaveLength(200);
    expect(body).toContain('last\n');
  }
});

test('attached input reaches the process, and its end too', async () => {
  const id = await create(['wc', '-c'], { OpenStdin: true, StdinOnce: true, AttachStdin: true });
  const answer = new Promise<string>((resolve, reject) => {
    const socket = connect({ path: agent.engineSocket, allowHalfOpen: true });
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (!received.includes('\r\n\r\n') || socket.writableEnded) return;
      void post(`/containers/${id}/start`);
      socket.end('x'.repeat(200_000));
    });
    socket.once('end', () => resolve(received));
    socket.once('error', reject);
    socket.write(`POST /containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n${upgrade}Content-Length: 0\r\n\r\n`);
  });
  expect(await answer).toContain('200000\n');
});

test('a terminal has the size it is given, and detach keys leave the process alone', async () => {
  const id = await create(['sh'], { Tty: true, OpenStdin: true, HostConfig: { ConsoleSize: [33, 101] } });
  const socket = connect({ path: agent.engineSocket, allowHalfOpen: true });
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  const ended = new Promise((resolve) => socket.once('end', resolve));
  socket.write(`POST /containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1&detachKeys=ctrl-a,d HTTP/1.1\r\n${upgrade}Content-Length: 0\r\n\r\n`);
  await expect.poll(() => received).toContain('\r\n\r\n');
  await post(`/containers/${id}/start`);
  socket.write('stty size\n');
  await expect.poll(() => received).toContain('33 101');
  expect((await post(`/containers/${id}/resize?h=20&w=77`)).status).toBe(200);
  socket.write('stty size\n');
  await expect.poll(() => received).toContain('20 77');
  socket.write('\x01d');
  await ended;
  socket.destroy();
  expect(await inspect(`/containers/${id}/json`)).toMatchObject({ State: { Running: true } });
});

test('resizing what is gone is refused, and an exec that ended does not mind', async () => {
  const id = await start(['sh', '-c', 'sleep 1000']);
  const execId = await exec(id, ['true']);
  await post(`/exec/${execId}/start`, { Detach: true });
  await expect.poll(async () => (await inspect(`/exec/${execId}/json`)).Running).toBe(false);
  expect((await post(`/exec/${execId}/resize?h=1&w=1`)).status).toBe(200);
  expect((await post(`/containers/${id}/resize?h=x&w=1`)).status).toBe(400);
});

test('a client that goes away in the middle of a build takes the build with it', async () => {
  const context = toTar([{ path: 'Dockerfile', content: Buffer.from('FROM bb:1\nRUN sleep 1000\n') }]);
  const socket = connect({ path: agent.engineSocket });
  socket.write(`POST /build?networkmode=none HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: ${context.length}\r\n\r\n`);
  socket.write(context);
  await expect.poll(async () => (await agent.containerIds()).length, { timeout: 20_000 }).toBe(1);
  socket.destroy();
  await expect.poll(async () => (await agent.containerIds()).length, { timeout: 20_000 }).toBe(0);
});

test('events of the past end at until, and a follower gets what happens after it asked', async () => {
  const since = Math.floor(Date.now() / 1000) - 1;
  const id = await start(['true']);
  await post(`/containers/${id}/wait`);
  const until = Math.ceil(Date.now() / 1000) + 1;
  const { body } = await ask(
    agent.engineSocket,
    'GET',
    `/events?since=${since}&until=${until}&filters=${encodeURIComponent(JSON.stringify({ container: [id] }))}`,
  );
  const actions = body.split('\n').flatMap((line) => (line.startsWith('{') ? [(JSON.parse(line) as { Action: string }).Action] : [])); // Docker's event messages
  expect(actions).toEqual(['create', 'start', 'die']);
});

test('what other servers hold is imported and searched for in the client’s stead', async () => {
  const tar = toTar([{ path: 'file', content: Buffer.from('from afar') }]);
  const results = [
    { name: 'team/one', description: 'first', star_count: 3, is_official: true },
    { name: 'team/two', description: 'second', star_count: 1 },
  ];
  const server = createServer((request, response) => {
    if (request.url === '/root.tar') response.end(tar);
    else if (request.url === '/v1/search?q=team&n=25') response.end(JSON.stringify({ results }));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  try {
    expect(await post(`/images/create?fromSrc=http://${host}/root.tar&repo=far:1`)).toMatchObject({ status: 200, body: expect.stringContaining('sha256:') });
    expect((await ask(agent.engineSocket, 'DELETE', '/images/far:1')).status).toBe(200);
    expect(await post(`/images/create?fromSrc=http://${host}/nosuch&repo=far:2`)).toMatchObject({ status: 400, body: expect.stringContaining('status 404') });
    const search = (query: string) => ask(agent.engineSocket, 'GET', `/images/search?${query}`);
    expect(JSON.parse((await search(`term=${host}/team`)).body)).toEqual([
      { name: 'team/one', description: 'first', star_count: 3, is_official: true, is_automated: false },
      { name: 'team/two', description: 'second', star_count: 1, is_official: false, is_automated: false },
    ]);
    expect(JSON.parse((await search(`term=${host}/team&filters={"stars":["2"]}`)).body)).toHaveLength(1);
    expect(await search('term=127.0.0.1:1/team')).toMatchObject({ status: 503, body: expect.stringContaining('search on 127.0.0.1:1') });
  } finally {
    server.close();
  }
});
