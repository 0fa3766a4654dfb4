import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AssignedTask } from '@gantry/contracts/agent-link';
import { PayloadId, toSwarmId } from '@gantry/contracts/ids';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { instanceOf } from '../../../tools/product/leftovers.ts';
import { assignedTask } from './assigned-task.ts';
import { type JoinedAgent, joinAgent } from './joined-agent.ts';

let plane: JoinedAgent['plane'];
let agent: JoinedAgent['agent'];
let made: JoinedAgent['made'];

beforeEach(async () => {
  ({ plane, agent, made } = await joinAgent(213));
});
afterEach(() => made.disposeAsync());

const reaches = (task: AssignedTask, state: string) => plane.until(() => plane.status(task.taskId)?.state === state);
const payloadDirectory = () => join('/run/gantry', instanceOf(agent.dataDir), 'payloads');

/** A secret, and a task that runs only when it finds it with that content, owner and mode. */
function secretAndReader() {
  const content = `secret-${randomBytes(12).toString('hex')}`;
  const payloadId = PayloadId.parse(toSwarmId(randomBytes(25)));
  const hash = createHash('sha256').update(content).digest('hex');
  const script = `[ "$(sha256sum < /run/secrets/db)" = "${hash}  -" ] && [ "$(stat -c %u:%g:%a /run/secrets/db)" = 10:20:400 ] && exec sleep 100000`;
  const task = assignedTask({
    spec: { command: ['sh', '-c', script], restartPolicy: { condition: 'any', delayMs: 0 } },
    payloads: [{ kind: 'secret', name: 'db', payloadId, number: 1, target: '/run/secrets/db', uid: 10, gid: 20, mode: 0o400 }],
  });
  return { content, task, payload: { payloadId, number: 1, data: Buffer.from(content).toString('base64') } };
}

/** Files below the agent's data directory that hold the text. */
async function filesWith(text: string): Promise<string[]> {
  const found = await promisify(execFile)('grep', ['-rlaF', text, agent.dataDir]).catch((error: { code?: number; stdout: string }) => {
    if (error.code === 1) return { stdout: '' };
    throw error;
  });
  return found.stdout.split('\n').filter(Boolean);
}

test('a secret is a file in memory, as its task asked for it, and is nowhere when no task needs it', async () => {
  const { content, task, payload } = secretAndReader();
  plane.assign(plane.node, { payloads: [payload], update: [task] });
  await reaches(task, 'running');
  expect(await filesWith(content)).toEqual([]);
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  expect(mounts.split('\n').find((line) => line.includes(payloadDirectory()))).toMatch(/ tmpfs .*nosuid,nodev,noexec/);

  plane.assign(plane.node, { update: [{ ...task, desiredState: 'shutdown' }] });
  await reaches(task, 'shutdown');
  expect(await readdir(join(payloadDirectory(), 'tasks'))).toEqual([]);
  expect(await readdir(join(payloadDirectory(), 'delivered'))).toEqual([]);
  plane.assign(plane.node, { remove: [task.taskId] });
  await expect.poll(() => agent.containerIds(), { timeout: 30_000 }).toEqual([]);
  expect(await agent.end('SIGTERM')).toBe(0);
  expect(await agent.leftovers()).toEqual([]);
});

test('with the control plane gone and the agent killed, a task keeps its secret and can start again with it', async () => {
  const { task, payload } = secretAndReader();
  plane.assign(plane.node, { payloads: [payload], update: [task] });
  await reaches(task, 'running');
  const containerId = plane.status(task.taskId)?.containerId ?? '';
  const pid = await agent.pidOf(containerId);
  await agent.end('SIGKILL');
  await plane.close();
  await agent.start();
  expect(await agent.pidOf(containerId)).toBe(pid);
  process.kill(pid, 'SIGKILL');
  await expect.poll(async () => [0, pid].includes(await agent.pidOf(containerId)), { timeout: 50_000 }).toBe(false);
});

test('a task whose secret did not come is refused with its name', async () => {
  const { task } = secretAndReader();
  plane.assign(plane.node, { update: [task] });
  await reaches(task, 'rejected');
  expect(plane.status(task.taskId)?.error).toContain('secret db (version 1) was not delivered to this node');
});
