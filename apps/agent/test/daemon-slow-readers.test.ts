import { readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { toTar } from '@gantry/testing/images';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { ask } from './daemon/raw-engine.ts';

/** What each of them has to say, and what the agent may need for all who do not listen. */
const spokenMiB = 160;
const allowedMiB = 64;
const readers = 4;

let agent: AgentProcess;
const sockets: Socket[] = [];
beforeAll(async () => {
  agent = await AgentProcess.create({ octet: 230 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
});
afterAll(() => agent.destroy());
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const id of await agent.containerIds()) await ask(agent.engineSocket, 'DELETE', `/containers/${id}?force=1&v=1`);
});

async function start(command: string): Promise<string> {
  const body = JSON.stringify({ Image: 'bb:1', Cmd: ['sh', '-c', command], HostConfig: { NetworkMode: 'none' } });
  const { Id } = JSON.parse((await ask(agent.engineSocket, 'POST', '/containers/create', body)).body) as { Id: string }; // Docker's create answer
  expect((await ask(agent.engineSocket, 'POST', `/containers/${Id}/start`)).status).toBe(204);
  return Id;
}

const line = 'x'.repeat(1023);
const speak = `yes ${line} | head -c ${spokenMiB << 20}`;

/** Sends the request, reads the answer's first bytes and then no more. */
async function listenNoMore(request: string | Buffer): Promise<void> {
  const socket = connect({ path: agent.engineSocket, allowHalfOpen: true });
  sockets.push(socket);
  socket.write(request);
  await new Promise((resolve, reject) => {
    socket.once('data', resolve);
    socket.once('error', reject);
  });
  socket.pause();
}

async function peakMiB(): Promise<number> {
  const status = await readFile(`/proc/${agent.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** What the agent's memory grew by at most while `readers` such clients were there. */
async function growth(request: string | Buffer): Promise<number> {
  await writeFile(`/proc/${agent.pid}/clear_refs`, '5');
  const before = await peakMiB();
  for (let count = 0; count < readers; count++) await listenNoMore(request);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect((await ask(agent.engineSocket, 'GET', '/_ping')).body).toBe('OK');
  return (await peakMiB()) - before;
}

const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n';

test('of a log and of an export', async () => {
  const id = await start(`${speak}; ${speak} >/file`);
  expect((await ask(agent.engineSocket, 'POST', `/containers/${id}/wait`)).body).toContain('"StatusCode":0');
  for (const path of [`logs?stdout=1&follow=1`, 'export', 'archive?path=/file']) {
    expect(await growth(`GET /containers/${id}/${path} HTTP/1.1\r\nHost: x\r\n\r\n`), path).toBeLessThan(allowedMiB);
  }
});

test('of an attached process, which waits for them', async () => {
  const id = await start(`read start; ${speak}`);
  const attach = `POST /containers/${id}/attach?stream=1&stdout=1&logs=1 HTTP/1.1\r\n${upgrade}`;
  expect(await growth(attach)).toBeLessThan(allowedMiB);
  const talking = await start(`sleep 0.5; ${speak}`);
  expect(await growth(attach.replace(id, talking))).toBeLessThan(allowedMiB);
});

test('of a build', async () => {
  const context = toTar([{ path: 'Dockerfile', content: Buffer.from(`FROM bb:1\nRUN ${speak}\n`) }]);
  const head = `POST /build?networkmode=none&nocache=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: ${context.length}\r\n\r\n`;
  expect(await growth(Buffer.concat([Buffer.from(head), context]))).toBeLessThan(allowedMiB);
});
