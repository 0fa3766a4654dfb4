import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { ClusterNode, Problem, Service } from '@gantry/contracts/http-api';
import { SimulatedAgent, startFleet } from '@gantry/testing/agent';
import type { PostgresServer } from '@gantry/testing/postgres';
import { startRedis } from '@gantry/testing/redis';
import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../src/logger.ts';
import { startServer } from '../src/server.ts';
import { eventually, localSecret, startApi, startPostgres, type TestApi, toTestApi } from './api-fixture.ts';

/** Closed in reverse order after each test, whatever became of it. */
const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startDatabase(): Promise<PostgresServer> {
  const postgres = await startPostgres();
  cleanUps.push(() => postgres.stop());
  return postgres;
}

async function start(postgres: PostgresServer, environment: Record<string, string> = {}): Promise<TestApi> {
  const api = await startApi(postgres, environment);
  cleanUps.push(() => api.close());
  return api;
}

/** A second replica on the first one's database. */
async function startReplica(first: TestApi): Promise<TestApi> {
  const config = { ...first.config, replicaId: `${first.config.replicaId}-2` };
  const api = toTestApi(await startServer(config, createLogger('silent')), config, '', async () => undefined);
  cleanUps.push(() => api.close());
  return api;
}

async function join(api: TestApi, count: number, prefix = 'node'): Promise<SimulatedAgent[]> {
  const agents = await startFleet({ serverUrl: api.url, joinToken: localSecret, count, prefix });
  cleanUps.push(() => {
    for (const agent of agents) agent.close();
  });
  return agents;
}

function create(api: TestApi, name: string, replicas: number): Promise<Service> {
  return api.send('POST', '/services', { name, mode: { type: 'replicated', replicas }, task: { image: 'busybox' } });
}

function converged(api: TestApi, service: Service, count: number): Promise<Service> {
  return eventually(
    () => api.get<Service>(`/services/${service.id}`),
    (seen) => seen.status.state === 'converged' && seen.status.runningTasks === count,
  );
}

test('with Redis the same jobs run there', async () => {
  const redis = await startRedis();
  cleanUps.push(() => redis.stop());
  const api = await start(await startDatabase(), { REDIS_URL: redis.url });
  await join(api, 2);
  const service = await create(api, 'web', 4);
  await converged(api, service, 4);
  expect(await api.get('/system')).toMatchObject({ queueBackend: 'redis', nodes: 2, services: 1, runningTasks: 4 });
});

test('while Postgres is away requests fail clearly; when it is back the cluster goes on and no node is lost', async () => {
  const postgres = await startDatabase();
  const api = await start(postgres);
  const agents = await join(api, 2);
  const service = await create(api, 'web', 2);
  await converged(api, service, 2);
  await postgres.halt();
  const away = await eventually(
    () => api.call<Problem>('GET', '/services'),
    (answer) => answer.status !== 200,
  );
  expect(away).toMatchObject({ status: 503, body: { code: 'unavailable', detail: expect.stringContaining('database') } });
  expect((await fetch(`${api.url}/healthz`)).status).toBe(503);
  expect(agents.every((agent) => agent.isConnected)).toBe(true);
  await postgres.restart('fast');
  await eventually(
    () => api.call('GET', '/services'),
    (answer) => answer.status === 200,
  );
  await api.send('POST', `/services/${service.id}/scale`, { replicas: 5 });
  await converged(api, service, 5);
  const nodes = await api.get<{ items: ClusterNode[] }>('/nodes');
  expect(nodes.items.map((node) => node.status.state)).toEqual(['ready', 'ready']);
});

test('a restarted api finds its agents and tasks again, none of them touched', async () => {
  const postgres = await startDatabase();
  const first = await startApi(postgres);
  const agents = await join(first, 2);
  const service = await create(first, 'web', 4);
  await converged(first, service, 4);
  const before = agents.map((agent) => agent.tasks.statuses.map((status) => [status.taskId, status.at]));
  await first.close();
  const port = new URL(first.url).port;
  const again = toTestApi(await startServer({ ...first.config, port: Number(port) }, createLogger('silent')), first.config, '', async () => undefined);
  cleanUps.push(() => again.close());
  await Promise.all(agents.map((agent) => agent.until(() => agent.isConnected)));
  await converged(again, service, 4);
  expect(agents.map((agent) => agent.tasks.statuses.map((status) => [status.taskId, status.at]))).toEqual(before);
});

test('two replicas: a change made at one reaches agents of the other, which goes on when the first is gone', async () => {
  const postgres = await startDatabase();
  const first = await startApi(postgres);
  const second = await startReplica(first);
  await join(first, 1, 'left');
  const [right] = await join(second, 1, 'right');
  const service = await create(first, 'web', 4);
  await converged(second, service, 4);
  expect(right?.assigned).toHaveLength(2);
  await first.close();
  await second.send('POST', `/services/${service.id}/scale`, { replicas: 6 });
  await eventually(
    async () => right?.assigned.length ?? 0,
    (count) => count >= 3,
  );
});

test('a node is reached through whichever replica is asked, and by nobody who is none', async () => {
  const postgres = await startDatabase();
  const first = await start(postgres);
  const second = await startReplica(first);
  const [agent] = await join(first, 1);
  const nodeId = agent?.identity.nodeId;
  const answer = await eventually(
    () => second.call<{ items: object[] }>('GET', `/nodes/${nodeId}/containers`),
    (seen) => seen.status === 200,
  );
  expect(answer.body).toEqual({ items: [] });
  const headers = { connection: 'Upgrade', upgrade: 'gantry-stream', authorization: `Bearer ${localSecret}` };
  const intruder = request(`${first.url}/api/v1/replica/nodes/${nodeId}/stream`, { headers }).end();
  const [refused] = await once(intruder, 'response');
  expect(refused.statusCode).toBe(401);
  refused.destroy();
});

test('what is not the api’s is the dashboard’s, on the same origin', async () => {
  const seen: string[] = [];
  const web: Server = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.end('<h1>dashboard</h1>');
  }).listen(0, '127.0.0.1');
  cleanUps.push(() => void web.close());
  await new Promise((resolve) => web.once('listening', resolve));
  const address = web.address();
  const api = await start(await startDatabase(), { GANTRY_WEB_URL: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` });
  const page = await fetch(`${api.url}/services/x?tab=logs`);
  expect([page.status, await page.text()]).toEqual([200, '<h1>dashboard</h1>']);
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  expect((await fetch(`${api.url}/api/v2/anything`)).status).toBe(404);
  expect(seen).toEqual(['/services/x?tab=logs']);
});
