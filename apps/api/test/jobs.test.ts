import type { JobRun, Problem, Service, Task } from '@gantry/contracts/http-api';
import { type SimulatedAgent, startFleet } from '@gantry/testing/agent';
import type { PostgresServer } from '@gantry/testing/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../src/logger.ts';
import { startServer } from '../src/server.ts';
import { eventually, localSecret, startApi, startPostgres, type TestApi } from './api-fixture.ts';

let postgres: PostgresServer;
let api: TestApi;
let agents: SimulatedAgent[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  api = await startApi(postgres);
  agents = await startFleet({
    serverUrl: api.url,
    joinToken: localSecret,
    count: 2,
    scripting: ({ spec: { env } }) => {
      if (env.includes('DOES=fail')) return { runsForMs: 10, exitCode: 1, error: 'no luck' };
      return env.includes('DOES=stay') ? {} : { runsForMs: 10, exitCode: 0 };
    },
  });
});

afterAll(async () => {
  for (const agent of agents) agent.close();
  await api?.close();
  await postgres?.stop();
});

function create(name: string, mode: object, does: 'end' | 'fail' | 'stay' = 'end'): Promise<Service> {
  return api.send('POST', '/services', { name, mode, task: { image: 'busybox', env: [`DOES=${does}`] } });
}

const runsOf = async ({ id }: Service) => (await api.get<{ items: JobRun[] }>(`/services/${id}/runs?limit=100`)).items;
const tasksOf = async ({ id }: Service) => (await api.get<{ items: Task[] }>(`/tasks?serviceId=${id}&limit=1000`)).items;
const latestIs = (service: Service, state: JobRun['state']) =>
  eventually(
    () => runsOf(service),
    ([latest]) => latest?.state === state,
  );

test('a job runs to completion, each task once, and keeps what its tasks said', async () => {
  const service = await create('batch', { type: 'job', completions: 5, parallelism: 2 });
  const [run] = await latestIs(service, 'complete');
  expect(run).toMatchObject({ number: 1, revision: 1, dueAt: null, succeeded: 5, failed: 0, endedAt: expect.any(String) });
  const tasks = await tasksOf(service);
  expect(tasks.map((task) => [task.slot, task.run, task.status.state]).sort()).toEqual([1, 2, 3, 4, 5].map((slot) => [slot, 1, 'complete']));
  const settled = await eventually(
    () => api.get<Service>(`/services/${service.id}`),
    ({ status }) => status.message.startsWith('run 1 complete'),
  );
  expect(settled.status).toMatchObject({ state: 'converged', runningTasks: 0 });
  await eventually(
    () => tasksOf(service),
    (seen) => seen.every((task) => task.desiredState === 'shutdown'),
  );
});

test('a task that keeps failing is tried so often and fails its run; run again, it is another run', async () => {
  const service = await create('hopeless', { type: 'job', maxAttempts: 2, backOffMs: 10 }, 'fail');
  const [run] = await latestIs(service, 'failed');
  expect(run).toMatchObject({ succeeded: 0, failed: 2, message: 'task 1 failed 2 times' });
  expect(await tasksOf(service)).toHaveLength(2);
  const again = await api.call<JobRun>('POST', `/services/${service.id}/runs`, {});
  expect(again).toMatchObject({ status: 201, body: { number: 2, state: 'running' } });
  await eventually(
    () => runsOf(service),
    (runs) => runs.length === 2 && runs.every(({ state }) => state === 'failed'),
  );
});

test('a schedule is kept by two control planes at once, each tick once, also when one of them goes away', async () => {
  const other = await startServer({ ...api.config, port: 0, replicaId: 'the other' }, createLogger('silent'));
  try {
    const service = await create('ticking', { type: 'cron', schedule: '* * * * * *', concurrency: 'allow', historyLimit: 100 });
    await eventually(
      () => runsOf(service),
      (runs) => runs.length >= 3,
    );
    await other.close();
    const seen = (await runsOf(service)).length;
    const runs = await eventually(
      () => runsOf(service),
      (now) => now.length >= seen + 2 && now.filter(({ state }) => state === 'complete').length >= 4,
    );
    const due = runs.map((run) => run.dueAt);
    expect(new Set(due).size).toBe(due.length);
    expect(due).not.toContain(null);
    expect(runs.map((run) => run.number)).toEqual(runs.map((_, index) => runs.length - index));
    await api.send('POST', `/services/${service.id}/schedule/suspend`, {});
    await eventually(
      () => runsOf(service),
      (now) => now.every(({ state }) => state === 'complete'),
    );
    const tasks = await tasksOf(service);
    expect(new Set(tasks.map((task) => task.run)).size).toBe(tasks.length);
    expect((await api.get<Service>(`/services/${service.id}`)).status.message).toContain('suspended');
  } finally {
    await other.close().catch(() => undefined);
  }
});

test('a tick passes while a run has not ended, a run can be cancelled, and the history is kept to its limit', async () => {
  const service = await create('slow', { type: 'cron', schedule: '* * * * * *', concurrency: 'forbid', historyLimit: 3 }, 'stay');
  const runs = await eventually(
    () => runsOf(service),
    (seen) => (seen[0]?.number ?? 0) >= 6 && seen.some(({ state }) => state === 'running'),
  );
  const running = runs.find(({ state }) => state === 'running');
  expect(runs.find(({ state }) => state === 'skipped')).toMatchObject({ message: `run ${running?.number} has not ended` });
  await eventually(
    () => tasksOf(service),
    ([task]) => task?.status.state === 'running',
  );
  expect(await api.call<Problem>('POST', `/services/${service.id}/runs`, {})).toMatchObject({ status: 409, body: { code: 'wrong-state' } });
  await api.send('POST', `/services/${service.id}/schedule/suspend`, {});
  expect(await api.send('POST', `/services/${service.id}/runs/${running?.number}/cancel`, {})).toMatchObject({ state: 'cancelled' });
  expect(await api.call('POST', `/services/${service.id}/runs/${running?.number}/cancel`, {})).toMatchObject({ status: 409 });
  expect(await api.call('POST', `/services/${service.id}/runs/9999/cancel`, {})).toMatchObject({ status: 404, body: { errors: [{ field: 'number' }] } });
  await eventually(
    () => tasksOf(service),
    (tasks) => tasks.every((task) => task.status.state === 'shutdown'),
  );
  await eventually(
    () => runsOf(service),
    (seen) => seen.length === 3,
  );
  await api.send('DELETE', `/services/${service.id}`);
  await eventually(
    () => api.call('GET', `/services/${service.id}`),
    ({ status }) => status === 404,
  );
});

test('what is no job has no runs, and no service becomes one', async () => {
  const plain = await api.send<Service>('POST', '/services', { name: 'plain', task: { image: 'busybox', env: ['DOES=stay'] } });
  expect(await api.call<Problem>('POST', `/services/${plain.id}/runs`, {})).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('is no job') },
  });
  const { version, spec } = await api.get<Service>(`/services/${plain.id}`);
  const turned = await api.call<Problem>('PUT', `/services/${plain.id}`, { version, spec: { ...spec, mode: { type: 'job' } } });
  expect(turned).toMatchObject({ status: 409, body: { errors: [{ field: 'spec.mode.type' }] } });
  const once = await create('once', { type: 'job' });
  expect(await api.call<Problem>('POST', `/services/${once.id}/schedule/suspend`, {})).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('no schedule') },
  });
  expect(await api.call<Problem>('POST', `/services/${once.id}/scale`, { replicas: 2 })).toMatchObject({ status: 409 });
});

test.each([
  ['no schedule', { type: 'cron' }, 'mode.schedule'],
  ['a wrong schedule', { type: 'cron', schedule: '99 * * * *' }, 'mode.schedule'],
  ['a time zone of nowhere', { type: 'cron', schedule: '* * * * *', timeZone: 'Europe/Atlantis' }, 'mode.timeZone'],
  ['too many completions', { type: 'job', completions: 1_001 }, 'mode.completions'],
  ['no attempts', { type: 'job', maxAttempts: 0 }, 'mode.maxAttempts'],
])('%s is an error that names the field', async (_, mode, field) => {
  expect(await api.call<Problem>('POST', '/services', { name: 'wrong', mode, task: { image: 'x' } })).toMatchObject({
    status: 400,
    body: { errors: [{ field }] },
  });
});
