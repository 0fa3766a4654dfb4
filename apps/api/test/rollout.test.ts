import type { Service, Task } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { openCluster } from './cluster-fixture.ts';

const cluster = openCluster();

async function createService(update: object): Promise<Service> {
  await cluster.join(2);
  const spec = {
    name: 'web',
    mode: { type: 'replicated', replicas: 4 },
    task: { image: 'busybox:1' },
    update: { parallelism: 0, order: 'start-first', ...update },
  };
  const service = await cluster.api.send<Service>('POST', '/services', spec);
  return cluster.converged(service, 4);
}

/** Changes the image; answers the service as it is then. */
function update(service: Service): Promise<Service> {
  const spec = { ...service.spec, task: { ...service.spec.task, image: 'busybox:2' } };
  return cluster.api.send('PUT', `/services/${service.id}`, { version: service.version, spec });
}

const order = (service: Service, which: string) => cluster.api.call<{ detail: string }>('POST', `/services/${service.id}/${which}`);

/** How many tasks the agents run of each image. */
function imagesRun(): Record<string, number> {
  const images = cluster.agents.flatMap((agent) =>
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
  const waiting = await cluster.seen(
    service,
    ({ status }) => status.update?.replacedTasks === 1 && status.message.includes('1 tasks run revision 2 as its canary'),
  );
  expect(waiting.status.update).toEqual({ state: 'canary', replacedTasks: 1, totalTasks: 4, isPaused: false });
  await expect.poll(imagesRun).toEqual({ 'busybox:1': 3, 'busybox:2': 1 });
  expect((await order(service, 'promote')).status).toBe(200);
  await cluster.seen(service, ({ status }) => status.state === 'converged');
  await expect.poll(imagesRun).toEqual({ 'busybox:2': 4 });
});

test('an aborted canary is replaced by what was there before, the rest of which is left alone', async () => {
  const service = await createService({ canary: { tasks: 2 } });
  const before = (await cluster.api.get<{ items: Task[] }>(`/tasks?serviceId=${service.id}&desiredState=running`)).items.map((task) => task.id);
  await update(service);
  await cluster.seen(service, ({ status }) => status.message.includes('canary'));
  expect((await order(service, 'abort')).status).toBe(200);
  const back = await cluster.seen(service, ({ status }) => status.state === 'converged' && status.message.includes('rolled back to revision 1'));
  expect(back.status.update).toMatchObject({ state: 'reverted', replacedTasks: 4 });
  await expect.poll(imagesRun).toEqual({ 'busybox:1': 4 });
  const after = (await cluster.api.get<{ items: Task[] }>(`/tasks?serviceId=${service.id}&desiredState=running`)).items.map((task) => task.id);
  expect(after.filter((id) => before.includes(id))).toHaveLength(2);
  expect(await order(service, 'abort')).toMatchObject({ status: 409, body: { detail: 'service web has no update under way' } });
});

test('an automatic canary is promoted by itself', async () => {
  const service = await createService({ canary: { tasks: 1, promotion: 'automatic' }, monitorMs: 100 });
  await update(service);
  await cluster.seen(service, ({ status, version }) => status.state === 'converged' && version > service.version);
  await expect.poll(imagesRun).toEqual({ 'busybox:2': 4 });
});

test('a paused update stays as it is until it is resumed', async () => {
  const service = await createService({ canary: { tasks: 1 } });
  await update(service);
  await cluster.seen(service, ({ status }) => status.message.includes('canary'));
  expect((await order(service, 'pause')).status).toBe(200);
  expect((await order(service, 'promote')).status).toBe(200);
  const paused = await cluster.seen(service, ({ status }) => status.message === 'the update is paused: as it was asked');
  expect(paused.status.update).toEqual({ state: 'paused', replacedTasks: 1, totalTasks: 4, isPaused: true });
  expect(imagesRun()).toEqual({ 'busybox:1': 3, 'busybox:2': 1 });
  expect((await order(service, 'resume')).status).toBe(200);
  await cluster.seen(service, ({ status }) => status.state === 'converged');
  await expect.poll(imagesRun).toEqual({ 'busybox:2': 4 });
});

test('an update is over when its tasks have run for as long as they are watched; until then it can be aborted', async () => {
  const service = await createService({ monitorMs: 86_400_000 });
  expect(service.status.update).toBeNull();
  const changed = await update(service);
  expect(changed.status.update).toMatchObject({ state: 'updating', replacedTasks: 0, totalTasks: 4 });
  const watched = await cluster.seen(service, ({ status }) => status.state === 'converged' && status.update?.replacedTasks === 4);
  expect(watched.status.update?.state).toBe('updating');
  await cluster.api.send('PUT', `/services/${service.id}`, {
    version: watched.version,
    spec: { ...watched.spec, update: { ...watched.spec.update, monitorMs: 0 } },
  });
  await cluster.seen(service, ({ status }) => status.update?.state === 'completed');
  expect((await order(service, 'abort')).status).toBe(409);
});

test('a stop-first update of the only replica goes back by itself when the new task fails', async () => {
  await cluster.join(1, { scripting: ({ spec }) => (spec.image === 'broken' ? { failsWhile: 'starting' } : {}) });
  const spec = { name: 'alone', task: { image: 'busybox:1' }, update: { failureAction: 'rollback' } };
  const service = await cluster.converged(await cluster.api.send<Service>('POST', '/services', spec), 1);
  await cluster.api.send('PUT', `/services/${service.id}`, {
    version: service.version,
    spec: { ...service.spec, task: { ...service.spec.task, image: 'broken' } },
  });
  await cluster.seen(service, ({ status }) => status.update?.state === 'reverted' && status.runningTasks === 1);
  expect(imagesRun()).toEqual({ 'busybox:1': 1 });
});
