import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config as ConfigContract, Problem, Secret, Service, Task } from '@gantry/contracts/http-api';
import { type SimulatedAgent, startFleet } from '@gantry/testing/agent';
import type { PostgresServer } from '@gantry/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { createLogger } from '../src/logger.ts';
import { startServer } from '../src/server.ts';
import { eventually, localSecret, startApi, startPostgres, type TestApi, toTestApi } from './api-fixture.ts';

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
    scripting: (task) => (task.spec.env.includes('BROKEN=1') ? { failsWhile: 'starting', error: 'broken' } : {}),
  });
});

afterAll(async () => {
  for (const agent of agents) agent.close();
  await api?.close();
  await postgres?.stop();
});

const base64 = (text: string) => Buffer.from(text).toString('base64');
const createSecret = (name: string, content: string) => api.send<Secret>('POST', '/secrets', { name, data: base64(content) });

const isRunning = ({ status }: Service) => status.state === 'converged' && status.runningTasks > 0 && status.runningTasks === status.desiredTasks;
const settled = (id: string) => eventually(() => api.get<Service>(`/services/${id}`), isRunning);

async function createUser(name: string, task: object, more: object = {}): Promise<Service> {
  const made = await api.send<Service>('POST', '/services', { name, task: { image: 'busybox', ...task }, update: { monitorMs: 100 }, ...more });
  return settled(made.id);
}

async function taskOf(service: Service): Promise<Task> {
  const { items } = await api.get<{ items: Task[] }>(`/tasks?serviceId=${service.id}&desiredState=running`);
  const [task] = items;
  if (task === undefined) throw new Error(`${service.spec.name} has no task`);
  return task;
}

const agentOf = (task: Task) => agents.find((agent) => agent.identity.nodeId === task.nodeId);
const contentsOf = (agent: SimulatedAgent | undefined) => [...(agent?.payloads.values() ?? [])];

async function query<Row extends object>(sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: api.config.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a secret is never answered and never in the clear in the database; a config can be read', async () => {
  const content = `secret-${randomBytes(8).toString('hex')}`;
  const made = await api.call<Secret>('POST', '/secrets', { name: 'quiet', labels: { of: 'test' }, data: base64(content) });
  expect(made).toMatchObject({
    status: 201,
    body: { name: 'quiet', labels: { of: 'test' }, versions: [{ number: 1, sizeBytes: content.length }], services: [] },
  });
  const answers = [made.body, await api.get(`/secrets/${made.body.id}`), await api.get('/secrets?limit=10')];
  for (const answer of answers) expect(JSON.stringify(answer)).not.toMatch(new RegExp(`${content}|${base64(content)}|sealed|"data"`));
  const rows = await query<{ sealed: Buffer; key_id: string }>('select sealed, key_id from payload_version');
  for (const row of rows) expect(row.sealed.includes(content)).toBe(false);

  const config = await api.send<ConfigContract>('POST', '/configs', { name: 'quiet', data: base64('hello') });
  expect(await api.get(`/configs/${config.id}/content`)).toEqual({ number: 1, data: base64('hello') });
  expect(await api.call('GET', `/secrets/${config.id}`)).toMatchObject({ status: 404 });
  expect(await api.call('GET', `/configs/${made.body.id}/content`)).toMatchObject({ status: 404 });
});

test('only nodes that run a task with it get it, as the task is told where', async () => {
  await createSecret('password', 'swordfish');
  await api.send('POST', '/configs', { name: 'settings', data: base64('colour = blue') });
  const service = await createUser('reader', {
    secrets: [{ name: 'password' }, { name: 'password', target: '/etc/app/pw', uid: 10, gid: 20, mode: 0o400 }],
    configs: [{ name: 'settings', target: 'app.conf' }],
  });
  const task = await taskOf(service);
  const agent = agentOf(task);
  const assigned = agent?.assigned.find(({ taskId }) => taskId === task.id);
  expect(assigned?.payloads).toEqual([
    expect.objectContaining({ kind: 'secret', name: 'password', number: 1, target: '/run/secrets/password', uid: 0, gid: 0, mode: 0o444 }),
    expect.objectContaining({ kind: 'secret', name: 'password', number: 1, target: '/etc/app/pw', uid: 10, gid: 20, mode: 0o400 }),
    expect.objectContaining({ kind: 'config', name: 'settings', number: 1, target: '/app.conf' }),
  ]);
  expect(contentsOf(agent)).toEqual(expect.arrayContaining(['swordfish', 'colour = blue']));
  for (const other of agents) if (other !== agent) expect(contentsOf(other)).not.toContain('swordfish');
});

test('rotating replaces the tasks of its users, and says nothing when the content is the same', async () => {
  const secret = await createSecret('rotated', 'first');
  const service = await createUser('rotates', { secrets: [{ name: 'rotated' }] }, { mode: { type: 'replicated', replicas: 2 } });
  const bystander = await createUser('bystander', {});
  const untouched = await taskOf(bystander);
  const before = await taskOf(service);
  const rotated = await api.send<Secret>('POST', `/secrets/${secret.id}/rotate`, { data: base64('second') });
  expect(rotated).toMatchObject({ versions: [{ number: 1 }, { number: 2 }], services: ['rotates'] });
  await eventually(
    () => api.get<Service>(`/services/${service.id}`),
    (seen) => seen.revision === 2 && isRunning(seen),
  );
  const { items } = await api.get<{ items: Task[] }>(`/tasks?serviceId=${service.id}&desiredState=running`);
  expect(items.map((task) => task.id)).not.toContain(before.id);
  for (const task of items) {
    const agent = agentOf(task);
    expect(agent?.assigned.find(({ taskId }) => taskId === task.id)?.payloads).toMatchObject([{ number: 2 }]);
    expect(agent?.payloads.get(`${secret.id}.2`)).toBe('second');
  }
  expect((await taskOf(bystander)).id).toBe(untouched.id);
  const again = await api.send<Secret>('POST', `/secrets/${secret.id}/rotate`, { data: base64('second') });
  expect(again.versions).toHaveLength(2);
  expect((await api.get<Service>(`/services/${service.id}`)).revision).toBe(2);
});

test('a rotation waits until it is clear what a user that went back to an earlier revision is to run', async () => {
  const secret = await createSecret('breaking', 'good');
  const service = await createUser(
    'breaks',
    { secrets: [{ name: 'breaking' }] },
    { mode: { type: 'replicated', replicas: 2 }, update: { monitorMs: 100, failureAction: 'rollback' } },
  );
  const { version, spec } = await api.get<Service>(`/services/${service.id}`);
  await api.send('PUT', `/services/${service.id}`, { version, spec: { ...spec, task: { ...spec.task, env: ['BROKEN=1'] } } });
  await eventually(
    () => api.get<Service>(`/services/${service.id}`),
    (seen) => isRunning(seen) && seen.status.message.includes('rolled back'),
  );
  const refused = await api.call<Problem>('POST', `/secrets/${secret.id}/rotate`, { data: base64('other') });
  expect(refused).toMatchObject({ status: 409, body: { code: 'wrong-state', detail: expect.stringContaining('breaks went back to an earlier revision') } });
  expect((await api.get<Secret>(`/secrets/${secret.id}`)).versions).toHaveLength(1);
});

test('a secret in use can not be removed, and the error names its users', async () => {
  const secret = await createSecret('used', 'x');
  const one = await createUser('user-one', { secrets: [{ name: 'used' }] });
  const two = await createUser('user-two', { secrets: [{ name: 'used' }] });
  const refused = await api.call<Problem>('DELETE', `/secrets/${secret.id}`);
  expect(refused).toMatchObject({ status: 409, body: { code: 'conflict', detail: 'secret used is used by user-one, user-two' } });
  const { version, spec } = await api.get<Service>(`/services/${one.id}`);
  await api.send('PUT', `/services/${one.id}`, { version, spec: { ...spec, task: { ...spec.task, secrets: [] } } });
  await api.send('DELETE', `/services/${two.id}`);
  await eventually(
    () => api.call('DELETE', `/secrets/${secret.id}`),
    ({ status }) => status === 200,
  );
  // the revision that had it is still there, and can not be gone back to
  const back = await api.call<Problem>('POST', `/services/${one.id}/rollback`, { revision: 1 });
  expect(back).toMatchObject({ status: 400, body: { errors: [{ field: 'spec.task.secrets.0.name', message: 'there is no secret used' }] } });
});

test.each([
  ['a secret that is not there', { secrets: [{ name: 'missing' }] }, 'task.secrets.0.name'],
  ['a config that is not there', { configs: [{ name: 'missing' }] }, 'task.configs.0.name'],
  [
    'two files in one place',
    {
      secrets: [
        { name: 'a', target: 'x' },
        { name: 'b', target: '/run/secrets/x' },
      ],
    },
    'task.secrets.1.target',
  ],
  ['a path that leaves its place', { secrets: [{ name: 'a', target: '../../etc/passwd' }] }, 'task.secrets.0.target'],
  ['a mode that is none', { configs: [{ name: 'a', mode: 0o1000 }] }, 'task.configs.0.mode'],
])('%s is an error that names the field', async (_, task, field) => {
  const answer = await api.call<Problem>('POST', '/services', { name: 'wrong', task: { image: 'busybox', ...task } });
  expect(answer).toMatchObject({ status: 400, body: { errors: [expect.objectContaining({ field })] } });
});

test.each([
  ['no base64', { name: 'x', data: 'no!' }, 'data'],
  ['nothing', { name: 'x', data: '' }, 'data'],
  ['too much', { name: 'x', data: base64('x'.repeat(500 * 1024 + 1)) }, 'data'],
  ['no name', { data: base64('x') }, 'name'],
])('a secret with %s is refused, and what it held is not in the answer', async (_, body, field) => {
  const answer = await api.call<Problem>('POST', '/secrets', body);
  expect(answer).toMatchObject({ status: 400, body: { errors: expect.arrayContaining([expect.objectContaining({ field })]) } });
  expect(JSON.stringify(answer.body).length).toBeLessThan(1_000);
  await createSecret('twice', 'x').catch(() => undefined);
  expect(await api.call<Problem>('POST', '/secrets', { name: 'twice', data: base64('y') })).toMatchObject({
    status: 409,
    body: { errors: [{ field: 'name' }] },
  });
});

test('keys are made when nobody brings any, a newer one takes everything over, and without keys everything but secrets goes on', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-keys-'));
  const keyFile = join(directory, 'keys');
  const [older, newer] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  const databaseUrl = await postgres.createDatabase(`keys_${randomBytes(6).toString('hex')}`);
  const start = async (environment: Record<string, string>): Promise<TestApi> => {
    const config = readConfig({
      DATABASE_URL: databaseUrl,
      GANTRY_PORT: '0',
      GANTRY_LOCAL_SECRET: localSecret,
      GANTRY_FIRST_PASSWORD_FILE: join(directory, 'first'),
      GANTRY_LOG_LEVEL: 'silent',
      ...environment,
    });
    return toTestApi(await startServer(config, createLogger('silent')), config, '', async () => undefined);
  };
  try {
    const own = await start({ GANTRY_CONTROL_DIR: directory, DATABASE_URL: await postgres.createDatabase(`own_${randomBytes(6).toString('hex')}`) });
    await own.send('POST', '/secrets', { name: 'x', data: base64('x') });
    await own.close();
    expect(await readFile(join(directory, 'secret-keys'), 'utf8')).toMatch(/^[A-Za-z0-9+/]{43}=$/m);
    expect((await stat(join(directory, 'secret-keys'))).mode & 0o777).toBe(0o600);

    await writeFile(keyFile, `${older}\n`);
    let other = await start({ GANTRY_SECRET_KEY_FILE: keyFile });
    const made = await other.send<ConfigContract>('POST', '/configs', { name: 'kept', data: base64('kept') });
    await other.close();
    await writeFile(keyFile, `${newer}\n${older}\n`);
    other = await start({ GANTRY_SECRET_KEY_FILE: keyFile });
    expect(await other.get(`/configs/${made.id}/content`)).toEqual({ number: 1, data: base64('kept') });
    await other.close();
    // the older key is needed no longer
    other = await start({ GANTRY_SECRET_KEYS: newer });
    expect(await other.get(`/configs/${made.id}/content`)).toEqual({ number: 1, data: base64('kept') });
    await other.close();
    other = await start({});
    expect(await other.call('POST', '/secrets', { name: 'x', data: base64('x') })).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining('GANTRY_SECRET_KEY_FILE') },
    });
    expect((await other.get<{ items: ConfigContract[] }>('/configs')).items).toHaveLength(1);
    await other.close();
    other = await start({ GANTRY_SECRET_KEYS: older });
    expect(await other.call('GET', `/configs/${made.id}/content`)).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining('is not among the keys') },
    });
    await other.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
