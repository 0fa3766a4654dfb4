import { existsSync } from 'node:fs';
import type { AssignedTask } from '@gantry/contracts/agent-link';
import { TestControlPlane } from '@gantry/testing/control-plane';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { assignedTask } from './assigned-task.ts';
import { type TestHost, TestNetwork } from './netns.ts';

let network: TestNetwork;
let plane: TestControlPlane;
let hosts: TestHost[];
let agents: AgentProcess[];
let made: AsyncDisposableStack;

beforeEach(async () => {
  made = new AsyncDisposableStack();
  agents = [];
  hosts = [];
  network = new TestNetwork('10.213.0');
  made.defer(() => network.destroy());
  await network.create();
  plane = await TestControlPlane.listen({ host: network.gateway });
  made.defer(() => plane.close());
  plane.heartbeatMs = 200;
  for (const nodeName of ['left', 'right']) {
    const host = await network.addHost();
    const agent = await AgentProcess.create({
      // The same on both: networks inside a host are its own.
      octet: 214,
      nodeName,
      host,
      serverUrl: `http://${network.gateway}:${plane.port}`,
      joinToken: plane.joinToken,
    });
    made.defer(() => agent.destroy());
    hosts.push(host);
    agents.push(agent);
    await agent.start();
    await agent.loadBusybox('busybox:test', ['sleep', '100000']);
  }
  await plane.until(() => plane.nodes.size === 2 && [...plane.nodes.values()].every(({ connection }) => connection !== null));
});
afterEach(() => made.disposeAsync());

const nodeNamed = (name: string) => {
  const node = [...plane.nodes.values()].find((known) => known.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
};
const nth = <T>(list: T[], index: number): T => {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
};
const reaches = (task: AssignedTask, state: string) => plane.until(() => plane.status(task.taskId)?.state === state);
const pidOf = (agent: AgentProcess, task: AssignedTask) => agent.pidOf(plane.status(task.taskId)?.containerId ?? '');

test('a port published on one node is reached from another', async () => {
  const ports = [{ protocol: 'tcp' as const, targetPort: 80, publishedPort: 28_080, mode: 'ingress' as const }];
  const task = assignedTask({ ports, spec: { command: ['sh', '-c', 'echo from-left > /www/index.html; exec httpd -f -p 80 -h /www'] } });
  plane.assign(nodeNamed('left'), { update: [task] });
  await reaches(task, 'running');
  const fetched = () => network.on(nth(hosts, 1), 'busybox', 'wget', '-q', '-O', '-', `http://${nth(hosts, 0).address}:28080/`);
  await expect.poll(fetched, { timeout: 30_000 }).toBe('from-left\n');
});

test('a node that returns from a partition keeps its tasks, but not one that was given away', async () => {
  const [kept, givenAway] = [assignedTask(), assignedTask()];
  const left = nodeNamed('left');
  plane.assign(left, { update: [kept, givenAway] });
  await reaches(kept, 'running');
  await reaches(givenAway, 'running');
  const pids = [await pidOf(nth(agents, 0), kept), await pidOf(nth(agents, 0), givenAway)];

  await network.pullCable(nth(hosts, 0));
  left.connection?.terminate();
  await plane.until(() => left.connection === null);
  plane.assign(left, { remove: [givenAway.taskId] });
  expect(pids.map((pid) => existsSync(`/proc/${pid}`))).toEqual([true, true]);

  await network.plugCable(nth(hosts, 0));
  await plane.until(() => left.connection !== null);
  await expect.poll(() => pids.map((pid) => existsSync(`/proc/${pid}`)), { timeout: 30_000 }).toEqual([true, false]);
  expect(await pidOf(nth(agents, 0), kept)).toBe(pids[0]);
});

test('a task that may not run alone ends on its own node, within the partition', async () => {
  const lonely = assignedTask({ spec: { partition: { policy: 'stop', afterMs: 3_000 } } });
  plane.assign(nodeNamed('left'), { update: [lonely] });
  await reaches(lonely, 'running');
  const pid = await pidOf(nth(agents, 0), lonely);
  await network.pullCable(nth(hosts, 0));
  await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 50_000 }).toBe(false);
  await network.plugCable(nth(hosts, 0));
  await reaches(lonely, 'shutdown');
});
