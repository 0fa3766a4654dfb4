import { randomBytes } from 'node:crypto';
import type { ClusterNode, Service, Task } from '@gantry/contracts/http-api';
import { SimulatedAgent } from '@gantry/testing/agent';
import { type PostgresServer, startPostgres } from '@gantry/testing/postgres';
import { type RedisServer, startRedis } from '@gantry/testing/redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../product/eventually.ts';
import { ApiReplica } from './api-replica.ts';
import { LoadBalancer } from './load-balancer.ts';
import { pickPort } from './pick-port.ts';
import { TaskJournal } from './task-journal.ts';

/** Two api replicas on one Postgres and one Redis, and agents without Linux behind a load balancer: quick enough to break everything in turn. */
let postgres: PostgresServer;
let redis: RedisServer;
let replicas: [ApiReplica, ApiReplica];
let balancer: LoadBalancer;
let serverUrl: string;
const secret = randomBytes(16).toString('hex');
const journal = new TaskJournal();
const agents: SimulatedAgent[] = [];
const made = new AsyncDisposableStack();
/** Every service that was acknowledged, with what was last acknowledged of it. */
const acknowledged = new Map<string, { service: Service; wanted: number }>();
const nodeCount = 12;

async function join(name: string, faults: ConstructorParameters<typeof SimulatedAgent>[0]['faults'] = {}): Promise<SimulatedAgent> {
  const agent: SimulatedAgent = new SimulatedAgent({
    serverUrl,
    joinToken: secret,
    name,
    faults,
    observe: (status) => {
      const task = agent.held?.tasks.get(status.taskId);
      journal.note(name, status, task?.spec.partition.policy === 'keep' ? `${task.serviceName}.${task.slot}` : null);
    },
  });
  made.defer(() => agent.close());
  agents.push(agent);
  await agent.connect();
  await agent.until(() => agent.isConnected);
  return agent;
}

beforeAll(async () => {
  postgres = await startPostgres();
  made.defer(() => postgres.stop());
  redis = await startRedis();
  made.defer(() => redis.stop());
  const databaseUrl = await postgres.createDatabase('faults');
  const [front, one, two] = [await pickPort(), await pickPort(), await pickPort()];
  replicas = [one, two].map((port) => new ApiReplica({ databaseUrl, redisUrl: redis.url, secret, host: '127.0.0.1', port })) as [ApiReplica, ApiReplica]; // one each
  // One after the other: the first migrates the database.
  for (const replica of replicas) {
    made.defer(() => replica.end('SIGKILL'));
    await replica.start();
  }
  balancer = new LoadBalancer([one, two].map((port) => ({ host: '127.0.0.1', port })));
  await balancer.listen('127.0.0.1', front);
  made.defer(() => balancer.close());
  serverUrl = `http://127.0.0.1:${front}`;
  const misbehaviours = [{}, { duplicatesReports: true }, { reportDelayMs: 700 }, { repeatsOldReports: true }];
  for (let index = 0; index < nodeCount; index += 1) await join(`node-${index}`, { ...misbehaviours[index % misbehaviours.length] });
  await create('web', 24, {});
  await create('store', 6, { partition: { policy: 'keep' } });
  await settles('at first');
});

afterAll(() => made.disposeAsync());

/** Asks the replicas in turn until one takes it: what it answers is acknowledged. */
async function send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  let answer: Answer | undefined;
  await eventually(`${method} ${path} is taken`, async () => {
    for (const replica of replicas) {
      try {
        answer = await replica.call<Answer>(method, path, body);
        return true;
      } catch {
        // The other may be up.
      }
    }
    return false;
  });
  if (answer === undefined) throw new Error(`${method} ${path} was not answered`);
  return answer;
}

async function create(name: string, wanted: number, task: object): Promise<void> {
  const spec = { name, mode: { type: 'replicated', replicas: wanted }, task: { image: 'busybox', ...task }, update: { parallelism: 0 } };
  const service = await send<Service>('POST', '/services', spec);
  acknowledged.set(name, { service, wanted });
}

async function scale(name: string, wanted: number): Promise<void> {
  const known = acknowledged.get(name);
  if (known === undefined) throw new Error(`there is no ${name}`);
  const service = await send<Service>('POST', `/services/${known.service.id}/scale`, { replicas: wanted });
  acknowledged.set(name, { service, wanted });
}

/** Every promise holds, whichever replica is asked. */
async function settles(when: string): Promise<void> {
  for (const replica of replicas) {
    await eventually(`${when}, the promises hold`, async () => {
      const { items } = await replica.call<{ items: Task[] }>('GET', '/tasks?desiredState=running&limit=1000');
      return journal.check({ services: [...acknowledged.values()], tasks: items });
    });
  }
}

async function nodesReady(): Promise<void> {
  await eventually('all nodes are ready', async () => {
    const { items } = await send<{ items: ClusterNode[] }>('GET', '/nodes?limit=100');
    return items.length === nodeCount && items.every(({ status }) => status.state === 'ready');
  });
}

test('one replica is killed while a service grows', async () => {
  await scale('web', 40);
  await replicas[0].end('SIGKILL');
  await scale('web', 30);
  await replicas[0].start();
  await nodesReady();
  await settles('after the loss of one replica');
});

test('all replicas are killed right after a change was acknowledged; no node is lost for it', async () => {
  await scale('web', 18);
  await Promise.all(replicas.map((replica) => replica.end('SIGKILL')));
  await Promise.all(replicas.map((replica) => replica.start()));
  await nodesReady();
  await settles('after the loss of all replicas');
  const { items } = await send<{ items: Task[] }>('GET', '/tasks?limit=1000');
  expect(items.filter((task) => task.status.state === 'orphaned' || task.status.message.includes('node is down'))).toEqual([]);
});

test('Postgres is killed while a service grows', async () => {
  await scale('web', 36);
  await postgres.restart('crash');
  await scale('store', 8);
  await settles('after the crash of Postgres');
});

test('Redis is killed, with all the jobs it had', async () => {
  await scale('web', 20);
  await redis.restart();
  await scale('store', 5);
  await settles('after the crash of Redis');
});

test('links are reset, all at once and again', async () => {
  await scale('web', 33);
  for (let round = 0; round < 5; round += 1) {
    balancer.reset();
    await scale('store', 5 + round);
  }
  await nodesReady();
  await settles('after resets');
});

test('a partition: what may be replaced is, what must be kept is not run twice, and when it ends all is as wanted', async () => {
  await scale('web', 33);
  await settles('before the partition');
  const cut = agents.slice(0, 3);
  for (const agent of cut) agent.faults.isFrozen = true;
  await eventually('three nodes are down', async () => {
    const { items } = await send<{ items: ClusterNode[] }>('GET', '/nodes?limit=100');
    return items.filter(({ status }) => status.state === 'down').length === 3;
  });
  const names = cut.map((agent) => agent.name);
  await eventually('the tasks of web run elsewhere', async () => {
    const { items } = await send<{ items: Task[] }>('GET', `/tasks?serviceId=${acknowledged.get('web')?.service.id}&desiredState=running&limit=1000`);
    return items.length === 33 && items.every((task) => task.status.state === 'running' && !names.includes(task.nodeName ?? ''));
  });
  for (const agent of cut) {
    agent.faults.isFrozen = false;
    agent.drop();
  }
  await nodesReady();
  await settles('after the partition');
});

test('an agent of a version that is not spoken here is told so, and one of the first version is served', async () => {
  const old = new SimulatedAgent({ serverUrl, joinToken: secret, name: 'node-0', identity: agents[0]?.identity ?? raise(), version: 0, reconnects: false });
  made.defer(() => old.close());
  await old.connect();
  await old.until(() => old.rejection !== null);
  expect(old.rejection).toMatchObject({ code: 'version', reason: 'this control plane speaks versions 1, not 0' });
  expect(agents[0]?.isConnected).toBe(true);
});

function raise(): never {
  throw new Error('there are no agents');
}
