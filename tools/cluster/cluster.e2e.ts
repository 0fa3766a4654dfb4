import { randomBytes, randomInt } from 'node:crypto';
import type { ClusterNode, Service, Task } from '@gantry/contracts/http-api';
import { type PostgresServer, startPostgres } from '@gantry/testing/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from '../../apps/agent/test/agent-process.ts';
import { type TestHost, TestNetwork } from '../../apps/agent/test/netns.ts';
import { eventually } from '../product/eventually.ts';
import { ApiReplica } from './api-replica.ts';
import { LoadBalancer } from './load-balancer.ts';

/** Two api replicas on one Postgres behind a load balancer, and three hosts with a real agent each, in network namespaces of their own. */
let postgres: PostgresServer;
let network: TestNetwork;
let replicas: [ApiReplica, ApiReplica];
let balancer: LoadBalancer;
const hosts: TestHost[] = [];
const agents: AgentProcess[] = [];
const made = new AsyncDisposableStack();

beforeAll(async () => {
  postgres = await startPostgres();
  made.defer(() => postgres.stop());
  network = new TestNetwork('10.216.0');
  made.defer(() => network.destroy());
  await network.create();
  const databaseUrl = await postgres.createDatabase('cluster');
  const secret = randomBytes(16).toString('hex');
  const port = randomInt(20_000, 30_000);
  const replica = (index: number) => new ApiReplica({ databaseUrl, secret, host: network.gateway, port: port + index });
  replicas = [replica(1), replica(2)];
  // One after the other: the first migrates the database.
  for (const each of replicas) {
    made.defer(() => each.end('SIGKILL'));
    await each.start();
  }
  balancer = new LoadBalancer([1, 2].map((index) => ({ host: network.gateway, port: port + index })));
  await balancer.listen(network.gateway, port);
  made.defer(() => balancer.close());
  for (const nodeName of ['north', 'east', 'west']) {
    const host = await network.addHost();
    const agent = await AgentProcess.create({ octet: 217, nodeName, host, serverUrl: `http://${network.gateway}:${port}`, joinToken: secret });
    made.defer(() => agent.destroy());
    hosts.push(host);
    agents.push(agent);
    await agent.start();
    await agent.loadBusybox('busybox:test', ['sleep', '100000']);
  }
});

afterAll(() => made.disposeAsync());

const north = 0;
const at = <T>(list: readonly T[], index: number): T => {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
};

const listNodes = async (replica: ApiReplica) => (await replica.call<{ items: ClusterNode[] }>('GET', '/nodes')).items;

async function runningTasks(replica: ApiReplica, service: Service): Promise<Task[]> {
  const { items } = await replica.call<{ items: Task[] }>('GET', `/tasks?serviceId=${service.id}&desiredState=running&limit=1000`);
  return items.filter(({ status }) => status.state === 'running');
}

/**
 * What the model promises, checked on the hosts themselves: every slot once, every running task one living container on the node it is said
 * to be on, and no container that is nobody's.
 */
async function checkPromises(replica: ApiReplica, service: Service, count: number): Promise<true> {
  const tasks = await runningTasks(replica, service);
  const slots = new Set(tasks.map(({ slot }) => slot));
  const containers = (await Promise.all(agents.map((agent) => agent.runningContainerIds()))).flat().sort();
  const said = tasks.map(({ status }) => status.containerId ?? '').sort();
  if (tasks.length === count && slots.size === count && JSON.stringify(containers) === JSON.stringify(said)) return true;
  const { items } = await replica.call<{ items: Task[] }>('GET', `/tasks?serviceId=${service.id}&limit=1000`);
  const states = items.map(
    ({ slot, nodeName, desiredState, status }) => `${slot} on ${nodeName}: ${desiredState}, ${status.state} (${status.error ?? status.message})`,
  );
  throw new Error(`${containers.length} containers run; tasks:\n${states.join('\n')}`);
}

const settles = (replica: ApiReplica, service: Service, count: number) => eventually(`${count} tasks, each once`, () => checkPromises(replica, service, count));

test('a cluster keeps its promises through the loss of a replica, of a host and of the database', async () => {
  const [first, second] = replicas;
  await eventually('three nodes are ready', async () => (await listNodes(second)).filter(({ status }) => status.state === 'ready').length === 3);

  const task = {
    image: 'busybox:test',
    command: ['sh', '-c', 'echo listening; hostname > /www/index.html; exec httpd -f -p 80 -h /www'],
    stopGraceMs: 500,
    restartPolicy: { delayMs: 0 },
  };
  const service = await first.call<Service>('POST', '/services', {
    name: 'web',
    mode: { type: 'replicated', replicas: 6 },
    task,
    ports: [{ targetPort: 80, publishedPort: 28_090 }],
  });
  await settles(second, service, 6);
  const placed = await runningTasks(first, service);
  expect(new Set(placed.map(({ nodeName }) => nodeName)).size).toBe(3);

  // Each node is reached through every replica, whichever it is linked to.
  for (const { id } of placed) for (const replica of replicas) expect(await replica.call<string>('GET', `/tasks/${id}/logs`)).toContain('listening');
  const answers = new Set<string>();
  for (const { address } of hosts) answers.add(await network.on(at(hosts, 1), 'busybox', 'wget', '-q', '-O', '-', `http://${address}:28090/`));
  expect(answers.size).toBe(3);

  // A replica is lost: its agents move to the other.
  await first.end('SIGKILL');
  await second.call('POST', `/services/${service.id}/scale`, { replicas: 9 });
  await settles(second, service, 9);
  await first.start();

  // A host is cut off: its tasks are started elsewhere, and when it is back it does not keep them.
  await network.pullCable(at(hosts, north));
  await eventually('the node counts as down', async () =>
    (await listNodes(second)).some(({ spec, status }) => spec.name === 'north' && status.state === 'down'),
  );
  await eventually('nine tasks run on the other two', async () => {
    const tasks = await runningTasks(first, service);
    return tasks.length === 9 && tasks.every(({ nodeName }) => nodeName !== 'north');
  });
  await network.plugCable(at(hosts, north));
  await eventually('the node is ready again', async () => (await listNodes(first)).filter(({ status }) => status.state === 'ready').length === 3);
  await settles(first, service, 9);

  // The database is lost and comes back.
  await postgres.restart('crash');
  await eventually('the scale is taken', async () => {
    await second.call('POST', `/services/${service.id}/scale`, { replicas: 3 });
    return true;
  });
  await settles(second, service, 3);

  // An agent is killed, and takes up what it had.
  const kept = (await runningTasks(first, service)).map(({ status }) => status.containerId).sort();
  for (const agent of agents) {
    await agent.end('SIGKILL');
    await agent.start();
  }
  await settles(first, service, 3);
  expect((await runningTasks(first, service)).map(({ status }) => status.containerId).sort()).toEqual(kept);

  await first.call('DELETE', `/services/${service.id}`);
  await eventually('no container is left', async () => (await Promise.all(agents.map((agent) => agent.containerIds()))).flat().length === 0);
});
