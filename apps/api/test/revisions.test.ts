import type { Problem, Service, ServiceRevision, Task } from '@gantry/contracts/http-api';
import { type SimulatedAgent, startFleet } from '@gantry/testing/agent';
import type { PostgresServer } from '@gantry/testing/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, localSecret, startApi, startPostgres, type TestApi } from './api-fixture.ts';

let postgres: PostgresServer;
let api: TestApi;
let agents: SimulatedAgent[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  api = await startApi(postgres, { GANTRY_KEPT_REVISIONS: '4' });
  agents = await startFleet({
    serverUrl: api.url,
    joinToken: localSecret,
    count: 2,
    scripting: (task) => (task.spec.image === 'broken' ? { failsWhile: 'starting', error: 'broken' } : {}),
  });
});

afterAll(async () => {
  for (const agent of agents) agent.close();
  await api?.close();
  await postgres?.stop();
});

const isRunning = ({ status }: Service) => status.state === 'converged' && status.runningTasks > 0 && status.runningTasks === status.desiredTasks;
const settled = (id: string) => eventually(() => api.get<Service>(`/services/${id}`), isRunning);

async function create(name: string, more: object = {}): Promise<Service> {
  const made = await api.send<Service>('POST', '/services', { name, task: { image: 'v1' }, update: { monitorMs: 200 }, ...more });
  return settled(made.id);
}

async function setImage(id: string, image: string): Promise<Service> {
  const { version, spec } = await api.get<Service>(`/services/${id}`);
  return api.send('PUT', `/services/${id}`, { version, spec: { ...spec, task: { ...spec.task, image } } });
}

async function revisionsOf(id: string, query = ''): Promise<{ items: ServiceRevision[]; nextCursor: string | null }> {
  return api.get(`/services/${id}/revisions${query}`);
}

async function runningImages(id: string): Promise<string[]> {
  const { items } = await api.get<{ items: Task[] }>(`/tasks?serviceId=${id}&desiredState=running`);
  return items.map((task) => task.spec.image);
}

test('every change is a revision, the latest are kept, and any of them can be rolled back to', async () => {
  const { id } = await create('kept');
  for (const image of ['v2', 'v3', 'v4', 'v5', 'v6']) {
    await setImage(id, image);
    await settled(id);
  }
  // ended tasks are of older revisions, and keep them; the fourth oldest change is kept in any case
  const { items } = await revisionsOf(id);
  expect(items.map(({ revision }) => revision)).toEqual([6, 5, 4, 3, 2, 1].slice(0, items.length));
  expect(items.length).toBeGreaterThanOrEqual(4);
  expect(items.map(({ isWanted }) => isWanted)).toEqual(items.map(({ revision }) => revision === 6));

  const paged: number[] = [];
  let cursor = '';
  do {
    const page = await revisionsOf(id, `?limit=2${cursor}`);
    paged.push(...page.items.map(({ revision }) => revision));
    cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
  } while (cursor !== '');
  expect(paged).toEqual(items.map(({ revision }) => revision));

  const back = await api.send<Service>('POST', `/services/${id}/rollback`, { revision: 3 });
  expect(back).toMatchObject({ revision: 7, spec: { task: { image: 'v3' } } });
  await settled(id);
  expect(await runningImages(id)).toEqual(['v3']);
});

test('revisions that no task is of any more go beyond the limit', async () => {
  const { id } = await create('forgotten');
  for (let replicas = 2; replicas <= 8; replicas += 1) await api.send('POST', `/services/${id}/scale`, { replicas });
  // the tasks are still of the first one
  expect((await revisionsOf(id)).items.map(({ revision }) => revision)).toEqual([8, 7, 6, 5, 1]);
  expect(await api.call<Problem>('POST', `/services/${id}/rollback`, { revision: 3 })).toMatchObject({
    status: 404,
    body: { detail: expect.stringContaining('no revision 3'), errors: [{ field: 'revision' }] },
  });
});

test('without a number it is the revision before, and going nowhere is refused', async () => {
  const { id } = await create('before');
  expect(await api.call<Problem>('POST', `/services/${id}/rollback`, {})).toMatchObject({ status: 404, body: { errors: [{ field: 'revision' }] } });
  await api.send('POST', `/services/${id}/scale`, { replicas: 0 });
  const back = await api.send<Service>('POST', `/services/${id}/rollback`, {});
  expect(back).toMatchObject({ revision: 3, spec: { mode: { type: 'replicated', replicas: 1 } } });
  expect(await api.call<Problem>('POST', `/services/${id}/rollback`, { revision: 3 })).toMatchObject({ status: 409, body: { code: 'wrong-state' } });
  expect(await api.call<Problem>('POST', `/services/${id}/rollback`, { revision: 0 })).toMatchObject({
    status: 400,
    body: { errors: [{ field: 'revision' }] },
  });
  expect(await api.call<Problem>('GET', '/services/0000000000000000000000000/revisions')).toMatchObject({ status: 404 });
  expect(await api.call<Problem>('GET', `/services/${id}/revisions?cursor=WyJ4Il0`)).toMatchObject({ status: 400, body: { errors: [{ field: 'cursor' }] } });
});

test('after an update that failed and went back, rolling back accepts what runs without restarting it', async () => {
  const { id } = await create('failed', { mode: { type: 'replicated', replicas: 2 }, update: { monitorMs: 200, failureAction: 'rollback' } });
  await setImage(id, 'broken');
  await eventually(
    () => api.get<Service>(`/services/${id}`),
    (service) => isRunning(service) && service.status.message.includes('rolled back'),
  );
  const before = await settled(id);
  expect((await revisionsOf(id)).items.map(({ revision, isWanted }) => [revision, isWanted])).toEqual([
    [2, false],
    [1, true],
  ]);
  const { items: running } = await api.get<{ items: Task[] }>(`/tasks?serviceId=${id}&desiredState=running`);
  const back = await api.send<Service>('POST', `/services/${id}/rollback`, {});
  expect(back).toMatchObject({ revision: 3, spec: { task: { image: 'v1' } } });
  expect(back.version).toBeGreaterThan(before.version);
  await eventually(
    () => api.get<Service>(`/services/${id}`),
    (service) => isRunning(service) && service.status.message === '',
  );
  const { items: still } = await api.get<{ items: Task[] }>(`/tasks?serviceId=${id}&desiredState=running`);
  expect(still.map((task) => task.id).sort()).toEqual(running.map((task) => task.id).sort());
});
