import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AssignedTask } from '@gantry/contracts/agent-link';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assignedTask, newServiceId } from './assigned-task.ts';
import { type JoinedAgent, joinAgent } from './joined-agent.ts';

let plane: JoinedAgent['plane'];
let agent: JoinedAgent['agent'];
let made: JoinedAgent['made'];

beforeEach(async () => {
  ({ plane, agent, made } = await joinAgent(211));
});
afterEach(() => made.disposeAsync());

const reaches = (task: AssignedTask, state: string) => plane.until(() => plane.status(task.taskId)?.state === state);
const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

test('a task survives kill -9 of its agent with the same container and process, and goes when it is told to', async () => {
  const task = assignedTask();
  plane.assign(plane.node, { update: [task] });
  await reaches(task, 'running');
  const containerId = plane.status(task.taskId)?.containerId ?? '';
  const pid = await agent.pidOf(containerId);
  expect(isAlive(pid)).toBe(true);

  await agent.end('SIGKILL');
  await plane.until(() => plane.node.connection === null);
  expect(isAlive(pid)).toBe(true);
  const before = plane.node.reports.length;
  await agent.start();
  await plane.until(() => plane.node.connection !== null && plane.node.reports.length > before);
  expect(plane.status(task.taskId)).toMatchObject({ state: 'running', containerId });
  expect(await agent.pidOf(containerId)).toBe(pid);
  expect(await agent.containerIds()).toEqual([containerId]);

  plane.assign(plane.node, { update: [{ ...task, desiredState: 'shutdown' }] });
  await reaches(task, 'shutdown');
  expect(isAlive(pid)).toBe(false);

  plane.assign(plane.node, { remove: [task.taskId] });
  await expect.poll(() => agent.containerIds(), { timeout: 30_000 }).toEqual([]);
  expect(await agent.end('SIGTERM')).toBe(0);
  expect(await agent.leftovers()).toEqual([]);
});

test('a published port leads to every task of the service in turn, and follows them as they go', async () => {
  const serviceId = newServiceId();
  const publishedPort = 20_000 + Math.floor(Math.random() * 10_000);
  const ports = [{ protocol: 'tcp' as const, targetPort: 80, publishedPort, mode: 'ingress' as const }];
  const tasks = ['one', 'two'].map((answer) =>
    assignedTask({ serviceId, ports, spec: { command: ['sh', '-c', `echo ${answer} > /www/index.html; exec httpd -f -p 80 -h /www`] } }),
  );
  plane.assign(plane.node, { update: tasks });
  for (const task of tasks) await reaches(task, 'running');
  expect(plane.status(tasks[0]?.taskId as AssignedTask['taskId'])?.ports).toEqual(ports); // there are two tasks

  const answers = async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 8; i += 1) seen.add((await get(publishedPort)).trim());
    return [...seen].sort();
  };
  await expect.poll(answers, { timeout: 30_000 }).toEqual(['one', 'two']);

  const [first] = tasks;
  if (first === undefined) throw new Error('there are two tasks');
  plane.assign(plane.node, { update: [{ ...first, desiredState: 'shutdown' }] });
  await reaches(first, 'shutdown');
  expect(await answers()).toEqual(['two']);
});

test('a task that fails keeps its exit code and last words, and one that can not be made says why', async () => {
  const failing = assignedTask({ spec: { command: ['sh', '-c', 'echo out of luck >&2; exit 7'] } });
  const senseless = assignedTask({ spec: { command: ['/no/such/program'] } });
  const imageless = assignedTask({ spec: { image: '127.0.0.1:1/nowhere:1' } });
  plane.assign(plane.node, { update: [failing, senseless, imageless] });
  await reaches(failing, 'failed');
  await reaches(senseless, 'failed');
  await reaches(imageless, 'rejected');
  expect(plane.status(failing.taskId)).toMatchObject({ exitCode: 7, error: expect.stringContaining('out of luck') });
  expect(plane.status(senseless.taskId)?.error).toContain('/no/such/program');
  expect(plane.status(imageless.taskId)?.error).toContain('127.0.0.1:1/nowhere:1');
});

test('an agent that starts without its control plane runs what it was assigned', async () => {
  const task = assignedTask();
  plane.assign(plane.node, { update: [task] });
  await reaches(task, 'running');
  const containerId = plane.status(task.taskId)?.containerId ?? '';
  await agent.end('SIGTERM');
  await plane.close();
  const pid = await pidAfterRestart(containerId);
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, 'SIGKILL');
  // The restart policy is the agent's to follow while it is alone.
  await expect.poll(async () => [0, pid].includes(await agent.pidOf(containerId)), { timeout: 50_000 }).toBe(false);
});

async function pidAfterRestart(containerId: string): Promise<number> {
  await agent.start();
  return agent.pidOf(containerId);
}

function get(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request({ host: '127.0.0.1', port, agent: false }, (response) => text(response).then(resolve, reject))
    .once('error', reject)
    .end();
  return promise;
}
