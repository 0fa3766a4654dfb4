import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';

let agent: AgentProcess;
beforeEach(async () => {
  agent = await AgentProcess.create({ octet: 212 });
});
afterEach(() => agent.destroy());

/** Runs an agent that is expected to give up by itself; `prefix` is a program that runs it in a lesser world. */
async function refused(environment: Record<string, string>, ...prefix: string[]): Promise<{ code: number | null; said: string }> {
  const { command, env } = agent.invocation(environment);
  const [program = '', ...parameters] = [...prefix, ...command];
  const child = spawn(program, parameters, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const output = await text(child.stderr);
  const said = output.split('\n').filter((line) => line.startsWith('gantry-agent: '));
  return { code: await ended, said: said.join('\n') || output };
}

test('without a control plane the agent is a Docker engine, and ends clean', async () => {
  await agent.start();
  expect(await agent.engine('GET', '/version')).toMatchObject({ Os: 'linux' });
  expect(await agent.end('SIGTERM')).toBe(0);
  expect(await agent.leftovers()).toEqual([]);
});

test('a second agent on the same data directory is refused, and the first goes on', async () => {
  await agent.start();
  const { code, said } = await refused({ GANTRY_ENGINE_SOCKET: `${agent.engineSocket}.rival` });
  expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining('in use by another process') });
  expect(await agent.engine('GET', '/_ping')).toBe('OK');
});

test('a socket that another engine answers on is refused', async () => {
  const other = createServer();
  await mkdir(join(agent.engineSocket, '..'), { recursive: true });
  await new Promise<void>((resolve) => other.listen(agent.engineSocket, resolve));
  try {
    expect(await refused({})).toEqual({ code: 1, said: expect.stringContaining(`${agent.engineSocket} already has an engine listening on it`) });
  } finally {
    other.close();
  }
});

test('a data directory of a newer version is left alone', async () => {
  await mkdir(agent.dataDir, { recursive: true });
  await writeFile(join(agent.dataDir, 'version'), '999\n');
  expect(await refused({})).toEqual({ code: 1, said: expect.stringContaining('was written by a newer version (layout 999') });
});

test.each([
  ['a configuration that makes no sense', { GANTRY_SUBNET: 'everything' }, [], 2, 'GANTRY_SUBNET'],
  ['an executor that is not there', { GANTRY_EXECUTOR: '/nowhere/gantry-executor' }, [], 1, 'GANTRY_EXECUTOR'],
  ['an OCI runtime that is not there', { GANTRY_OCI_RUNTIME: '/nowhere/runc' }, [], 1, 'GANTRY_OCI_RUNTIME'],
  ['a user who is not root', {}, ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'], 1, 'must run as root'],
  [
    'a host without control groups',
    {},
    ['unshare', '--mount', 'sh', '-c', 'umount -l -R /sys/fs/cgroup && exec "$@"', 'sh'],
    1,
    'no control groups are mounted',
  ],
])('%s is one line that says what to do', async (_, environment, prefix, code, says) => {
  const outcome = await refused(environment, ...prefix);
  expect(outcome).toEqual({ code, said: expect.stringContaining(says) });
  expect(outcome.said.split('\n')).toHaveLength(1);
});
