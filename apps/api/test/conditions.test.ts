import { randomUUID } from 'node:crypto';
import type { JobRun, Problem, Secret, Service } from '@gantry/contracts/http-api';
import type { PostgresServer } from '@gantry/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../src/logger.ts';
import { startServer } from '../src/server.ts';
import { localSecret, startApi, startPostgres, type TestApi, toTestApi } from './api-fixture.ts';

let postgres: PostgresServer;
let api: TestApi;

beforeAll(async () => {
  postgres = await startPostgres();
  api = await startApi(postgres);
});

afterAll(async () => {
  await api?.close();
  await postgres?.stop();
});

const authorization = `Bearer ${localSecret}`;
const spec = (name: string, env: string[] = []) => ({ name, task: { image: 'busybox', env } });
const create = (name: string) => api.send<Service>('POST', '/services', spec(name));
const withKey = <T>(key: string, path: string, body: unknown, through = api) => through.call<T>('POST', path, body, { authorization, 'idempotency-key': key });
const ifMatch = (etag: string) => ({ authorization, 'if-match': etag });

async function query<Row extends object>(sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: api.config.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a record has an ETag, and is not sent again to who has it', async () => {
  const made = await create('tagged');
  const answer = await api.call<Service>('GET', `/services/${made.id}`);
  const etag = answer.headers.get('etag') ?? '';
  expect(etag).toBe(`"${answer.body.version}"`);
  expect((await api.call('GET', '/services')).headers.get('etag')).toBeNull();
  const scaled = await api.call<Service>('POST', `/services/${made.id}/scale`, { replicas: 0 }, ifMatch(etag));
  expect(scaled.status).toBe(200);
  const now = scaled.headers.get('etag') ?? '';
  expect(now).not.toBe(etag);
  expect((await api.call('GET', `/services/${made.id}`, undefined, { authorization, 'if-none-match': etag })).status).toBe(200);
});

test('who replaces a spec says which version; a stale one is refused, by header or by body', async () => {
  const made = await create('guarded');
  const path = `/services/${made.id}`;
  expect(await api.call<Problem>('PUT', path, { spec: spec('guarded', ['A=0']) })).toMatchObject({
    status: 428,
    body: { code: 'precondition-required', errors: [{ field: 'If-Match' }] },
  });
  const etag = `"${made.version}"`;
  expect(await api.call<Service>('PUT', path, { spec: spec('guarded', ['A=1']) }, ifMatch(etag))).toMatchObject({
    status: 200,
    body: { spec: { task: { env: ['A=1'] } } },
  });
  const stale = { status: 412, body: { code: 'precondition-failed', errors: [{ field: 'If-Match' }] } };
  expect(await api.call('PUT', path, { spec: spec('guarded', ['A=2']) }, ifMatch(etag))).toMatchObject(stale);
  expect(await api.call('PUT', path, { version: made.version, spec: spec('guarded', ['A=2']) })).toMatchObject({
    status: 409,
    body: { errors: [{ field: 'version' }] },
  });
  for (const [method, below, body] of [
    ['POST', '/scale', { replicas: 3 }],
    ['POST', '/rollback', {}],
    ['DELETE', '', undefined],
  ] as const) {
    expect(await api.call(method, path + below, body, ifMatch(etag)), below).toMatchObject(stale);
  }
  expect((await api.get<Service>(path)).spec.task.env).toEqual(['A=1']);
  expect(await api.call('POST', `${path}/scale`, { replicas: 0 }, ifMatch('7'))).toMatchObject({ status: 400, body: { errors: [{ field: 'If-Match' }] } });
  expect((await api.call('POST', `${path}/scale`, { replicas: 0 }, ifMatch('*'))).status).toBe(200);
});

test('secrets and stacks keep to If-Match too', async () => {
  const secret = await api.send<Secret>('POST', '/secrets', { name: 'matched', data: 'eA==' });
  const rotated = await api.call<Secret>('POST', `/secrets/${secret.id}/rotate`, { data: 'eQ==' }, ifMatch(`"${secret.version}"`));
  expect(rotated.body.versions).toHaveLength(2);
  const known = { authorization, 'if-none-match': rotated.headers.get('etag') ?? '' };
  expect((await api.call('GET', `/secrets/${secret.id}`, undefined, known)).status).toBe(304);
  expect((await api.call('DELETE', `/secrets/${secret.id}`, undefined, ifMatch(`"${secret.version}"`))).status).toBe(412);
  const compose = 'services: { web: { image: busybox } }';
  const { stack } = await api.send<{ stack: { version: number } }>('PUT', '/stacks/matched', { compose });
  expect((await api.call('PUT', '/stacks/matched', { compose }, ifMatch(`"${stack.version}"`))).status).toBe(200);
  expect((await api.call('PUT', '/stacks/matched', { compose }, ifMatch(`"${stack.version}"`))).status).toBe(412);
  expect((await api.call('DELETE', '/stacks/matched', undefined, ifMatch(`"${stack.version}"`))).status).toBe(412);
});

test('a POST with a key is carried out once, also when it comes five times at once or after a restart', async () => {
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 5 }, () => withKey<Service & Problem>(key, '/services', spec('once'))));
  const done = answers.filter(({ status }) => status === 201);
  expect(done.length).toBeGreaterThan(0);
  for (const { status, body } of answers) if (status !== 201) expect(body).toMatchObject({ code: 'conflict', errors: [{ field: 'Idempotency-Key' }] });
  expect(new Set(done.map(({ body }) => body.id)).size).toBe(1);

  const config = { ...api.config, port: 0, replicaId: 'another' };
  const other = toTestApi(await startServer(config, createLogger('silent')), config, '', async () => undefined);
  try {
    const again = await withKey<Service>(key, '/services', spec('once'), other);
    expect(again).toMatchObject({ status: 201, body: done[0]?.body });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  } finally {
    await other.close();
  }
  expect((await api.get<{ items: Service[] }>('/services?name=once')).items).toHaveLength(1);
  expect(await query("select 1 from service_revision r join service s on s.id = r.service_id where s.name = 'once'")).toHaveLength(1);
});

test('a key is of one request and one caller, is free again after a failure, and can not be used where something is shown once', async () => {
  const key = randomUUID();
  const job = await api.send<Service>('POST', '/services', { ...spec('keyed'), mode: { type: 'cron', schedule: '0 0 1 1 *', concurrency: 'allow' } });
  const first = await withKey<JobRun>(key, `/services/${job.id}/runs`, {});
  expect((await withKey<JobRun>(key, `/services/${job.id}/runs`, {})).body).toEqual(first.body);
  expect(await withKey(key, `/services/${job.id}/schedule/suspend`, {})).toMatchObject({ status: 409, body: { errors: [{ field: 'Idempotency-Key' }] } });
  const signedIn = await api.call('POST', '/account/sign-in', { email: 'admin@gantry.local', password: api.firstPassword }, {});
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const others = await api.call<JobRun>('POST', `/services/${job.id}/runs`, {}, { cookie, origin: api.url, 'idempotency-key': key });
  expect(others.body.number).toBe(first.body.number + 1);

  const failing = randomUUID();
  expect((await withKey(failing, '/services', { ...spec('later'), task: { image: 'busybox', secrets: [{ name: 'later' }] } })).status).toBe(400);
  await api.send('POST', '/secrets', { name: 'later', data: 'eA==' });
  expect((await withKey(failing, '/services', { ...spec('later'), task: { image: 'busybox', secrets: [{ name: 'later' }] } })).status).toBe(201);

  const shown = randomUUID();
  const tokens = [
    await withKey<{ secret: string }>(shown, '/account/tokens', { name: 'a', role: 'viewer' }),
    await withKey<{ secret: string }>(shown, '/account/tokens', { name: 'a', role: 'viewer' }),
  ];
  expect(tokens[0]?.body.secret).not.toBe(tokens[1]?.body.secret);
  expect(await withKey('not\tvisible', '/services', spec('x'))).toMatchObject({ status: 400, body: { errors: [{ field: 'Idempotency-Key' }] } });
});

test('what is remembered of a request with a secret tells nothing of it', async () => {
  const key = randomUUID();
  const body = { name: 'remembered', data: Buffer.from('swordfish').toString('base64') };
  const made = await withKey<Secret>(key, '/secrets', body);
  expect((await withKey<Secret>(key, '/secrets', body)).body).toEqual(made.body);
  const rows = await query<{ answer: unknown; fingerprint: Buffer }>(`select answer, fingerprint from idempotency_key where key = '${key}'`);
  expect(JSON.stringify(rows[0]?.answer)).not.toMatch(/swordfish|c3dvcmRmaXNo/);
  expect(rows[0]?.fingerprint).toHaveLength(32);
});
