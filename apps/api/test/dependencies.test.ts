import type { Problem, Service, Task } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { eventually } from './api-fixture.ts';
import { openCluster } from './cluster-fixture.ts';

// no reconciler looks round by itself: what happens is what was woken
const cluster = openCluster({ GANTRY_RECONCILE_MS: '600000' });

async function deploy(compose: string): Promise<Map<string, Service>> {
  const { services } = await cluster.api.send<{ services: Service[] }>('PUT', '/stacks/shop', { compose });
  return new Map(services.map((service) => [service.spec.name, service]));
}

async function tasksOf(services: Map<string, Service>, name: string): Promise<Task[]> {
  const service = services.get(`shop_${name}`);
  if (service === undefined) throw new Error(`no service ${name}`);
  return (await cluster.tasksOf(service)).sort((a, b) => a.createdAt.localeCompare(b.createdAt));
}

function waits(services: Map<string, Service>, name: string, message: string): Promise<Task[]> {
  return eventually(
    () => tasksOf(services, name),
    (tasks) => tasks.length > 0 && tasks.every((task) => task.status.state === 'pending' && task.status.message === message),
  );
}

const runs = (services: Map<string, Service>, name: string) =>
  eventually(
    () => tasksOf(services, name),
    (tasks) => tasks.length > 0 && tasks.every((task) => task.status.state === 'running'),
  );

test('a stack starts in the order that its services depend on each other, and says what each waits for', async () => {
  // db is healthy, and the job ends, when the test says so
  const [agent] = await cluster.join(1, { scripting: ({ serviceName }) => (serviceName === 'shop_db' ? { startingMs: 86_400_000 } : {}) });
  const services = await deploy(`
services:
  web: { image: a, depends_on: { api: { condition: service_healthy }, migrate: { condition: service_completed_successfully } } }
  api: { image: b, depends_on: { db: { condition: service_healthy } } }
  cache: { image: c, depends_on: [db] }
  migrate: { image: d, depends_on: { api: { condition: service_healthy } }, deploy: { mode: replicated-job, replicas: 1 } }
  db: { image: e, deploy: { replicas: 1 } }`);
  await runs(services, 'cache');
  await waits(services, 'api', 'waits for service shop_db to be healthy: 0 of 1 tasks are');
  await waits(services, 'web', 'waits for service shop_api to be healthy: 0 of 1 tasks are; waits for service shop_migrate to complete');
  const pending = await cluster.seen(services.get('shop_web') ?? { id: '' as Service['id'] }, ({ status }) => status.state === 'pending');
  expect(pending.status.message).toContain('waits for service shop_api to be healthy');
  const [db] = await tasksOf(services, 'db');
  if (agent === undefined || db === undefined) throw new Error('nobody runs the database');
  agent.tasks.report(db.id, 'running');
  await runs(services, 'api');
  await waits(services, 'web', 'waits for service shop_migrate to complete');
  const [migration] = await runs(services, 'migrate');
  agent.tasks.exit(migration?.id ?? db.id, 0);
  await runs(services, 'web');
});

test('once it has run, a task is started again without waiting', async () => {
  const [agent] = await cluster.join(1);
  const services = await deploy(`
services:
  web: { image: a, depends_on: { db: { condition: service_healthy } }, deploy: { restart_policy: { delay: 0s } } }
  db: { image: b, deploy: { restart_policy: { condition: none } } }`);
  const [first] = await runs(services, 'web');
  const [db] = await runs(services, 'db');
  if (agent === undefined || first === undefined || db === undefined) throw new Error('the stack does not run');
  agent.tasks.exit(db.id, 1);
  agent.tasks.exit(first.id, 1);
  await eventually(
    () => tasksOf(services, 'web'),
    (tasks) => tasks.some((task) => task.id !== first.id && task.status.state === 'running'),
  );
});

test('a service that is not there, and services that would wait for each other, are refused by their path', async () => {
  const create = (name: string, ...names: string[]) =>
    cluster.api.call<Problem & Service>('POST', '/services', { name, task: { image: 'a' }, dependsOn: names.map((service) => ({ service })) });
  const missing = await create('web', 'db');
  expect([missing.status, missing.body.errors[0]?.field, missing.body.detail]).toEqual([
    400,
    'dependsOn.0.service',
    'dependsOn.0.service: there is no service db',
  ]);
  const { body: db } = await create('db');
  expect((await create('web', 'db')).status).toBe(201);
  const ring = await cluster.api.call<Problem>('PUT', `/services/${db.id}`, { version: db.version, spec: { ...db.spec, dependsOn: [{ service: 'web' }] } });
  expect([ring.status, ring.body.errors[0]?.field, ring.body.detail]).toEqual([
    400,
    'spec.dependsOn.0.service',
    'spec.dependsOn.0.service: these would wait for each other: db → web → db',
  ]);
});
