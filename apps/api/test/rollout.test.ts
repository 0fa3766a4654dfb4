import type { Service, Task } from '@gantry/contracts/http-api';
import { type SimulatedAgent, startFleet } from '@gantry/testing/agent';
import type { PostgresServer } from '@gantry/testing/postgres';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually, localSecret, startApi, startPostgres, type TestApi } from './api-fixture.ts';

let postgres: PostgresServer;
let api: TestApi;
let agents: SimulatedAgent[];

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres?.stop();
});

beforeEach(async () => {
  agents = [];
  api = await startApi(postgres);
});

afterEach(async () => {
  for (const agent of agents) agent.close();
  await api?.close();
});

async function createService(update: object): Promise<Service> {
  agents.push(...(await startFleet({ serverUrl: api.url, joinToken: localSecret, count: 2 })));
  const spec = {
    name: 'web',
    mode: { type: 'replicated', replicas: 4 },
    task: { image: 'busybox:1' },
    update: { parallelism: 0, order: 'start-first', ...update },
  };
  const service = await api.send<Service>('POST', '/services', spec);
  return seen(service, ({ status }) => status.state === 'converged' && status.runningTasks === 4);
}

function seen(service: Service, isMet: (seen: Service) => boolean): Promise<Service> {
  return eventually(() => api.get<Service>(`/services/${service.id}`), isMet);
}

/** Changes the image; answers the service as it is then. */
function update(service: Service): Promise<Service> {
  const spec = { ...service.spec, task: { ...service.spec.task, image: 'busybox:2' } };
  return api.send('PUT', `/services/${service.id}`, { version: service.version, spec });
}

const order = (service: Service, which: string) => api.call<{ detail: string }>('POST', `/services/${service.id}/${which}`);

/** How many tasks the agents run of each image. */
function imagesRun(): Record<string, number> {
  const images = agents.flatMap((agent) =>
    agent.assigned
      .filter(({ taskId, desiredState }) => desiredState === 'running' && agent.tasks.get(taskId)?.state === 'running')
      .map(({ spec }) => spec.image),
  );
  return Object.fromEntries([...Map.groupBy(images, (image) => image)].map(([image, tasks]) => [image, tasks.length]));
}

test('a canary waits to be promoted, and the rest follows when it is', async () => {
  const service = await createService({ canary: { tasks: 1 } });
  expect((await order(service, 'promote')).status).toBe(409);
  await update(service);
  await seen(service, ({ status }) => status.message.includes('1 tasks run revision 2 as its canary'));
  await expect.poll(imagesRun).toEqual({ 'busybox:1': 3, 'busybox:2': 1 });
  expect((await order(service, 'promote')).status).toBe(200);
  await seen(service, ({ status }) => status.state === 'converged');
  await expect.poll(imagesRun).toEqual({ 'busybox:2': 4 });
});

test('an aborted canary is replaced by what was there before, the rest of which is left alone', async () => {
  const service = await createService({ canary: { tasks: 2 } });
  const before = (await api.get<{ items: Task[] }>(`/tasks?serviceId=${service.id}&desiredState=running`)).items.map((task) => task.id);
  await update(service);
  await seen(service, ({ status }) => status.message.includes('canary'));
  expect((await order(service, 'abort')).status).toBe(200);
  await seen(service, ({ status }) => status.state === 'converged' && status.message.includes('rolled back to revision 1'));
  await expect.poll(imagesRun).toEqual({ 'busybox:1': 4 });
  const after = (await api.get<{ items: Task[] }>(`/tasks?serviceId=${service.id}&desiredState=running`)).items.map((task) => task.id);
  expect(after.filter((id) => before.includes(id))).toHaveLength(2);
  expect(await order(service, 'abort')).toMatchObject({ status: 409, body: { detail: 'service web has no update under way' } });
});

test('an automatic canary is promoted by itself', async () => {
  const service = await createService({ canary: { tasks: 1, promotion: 'automatic' }, monitorMs: 100 });
  await update(service);
  await seen(service, ({ status, version }) => status.state === 'converged' && version > service.version);
  await expect.poll(imagesRun).toEqual({ 'busybox:2': 4 });
});

test('a paused update stays as it is until it is resumed', async () => {
  const service = await createService({ canary: { tasks: 1 } });
  await update(service);
  await seen(service, ({ status }) => status.message.includes('canary'));
  expect((await order(service, 'pause')).status).toBe(200);
  expect((await order(service, 'promote')).status).toBe(200);
  await seen(service, ({ status }) => status.message === 'the update is paused: as it was asked');
  expect(imagesRun()).toEqual({ 'busybox:1': 3, 'busybox:2': 1 });
  expect((await order(service, 'resume')).status).toBe(200);
  await seen(service, ({ status }) => status.state === 'converged');
  await expect.poll(imagesRun).toEqual({ 'busybox:2': 4 });
});
