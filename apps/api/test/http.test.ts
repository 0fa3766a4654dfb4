import type { Problem, Service } from '@gantry/contracts/http-api';
import type { PostgresServer } from '@gantry/testing/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApi, startPostgres, type TestApi } from './api-fixture.ts';

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

const anonymous = {};

function spec(name: string, more: object = {}) {
  return { name, task: { image: 'busybox', ...more } };
}

async function signIn(password: string): Promise<string> {
  const answer = await api.call('POST', '/account/sign-in', { email: 'admin@gantry.local', password }, anonymous);
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

test('the first admin signs in, is known by the cookie, and signs out', async () => {
  const answer = await api.call<{ role: string }>('POST', '/account/sign-in', { email: 'admin@gantry.local', password: api.firstPassword }, anonymous);
  expect(answer).toMatchObject({ status: 200, body: { role: 'admin' } });
  expect(answer.headers.get('set-cookie')).toMatch(/^gantry_session=session_[^;]+;.*HttpOnly;.*SameSite=Strict/);
  const cookie = await signIn(api.firstPassword);
  expect((await api.call<{ email: string }>('GET', '/account', undefined, { cookie })).body.email).toBe('admin@gantry.local');
  expect((await api.call('POST', '/account/sign-out', {}, { cookie })).status).toBe(200);
  expect((await api.call('GET', '/account', undefined, { cookie })).status).toBe(401);
});

test('a wrong password is refused, and guessing is slowed down', async () => {
  const guess = () => api.call<Problem>('POST', '/account/sign-in', { email: 'guess@gantry.local', password: 'x' }, anonymous);
  expect(await guess()).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  const statuses = [];
  for (let attempt = 0; attempt < 12; attempt += 1) statuses.push((await guess()).status);
  expect(statuses.at(-1)).toBe(429);
});

test('nothing is open to nobody', async () => {
  for (const path of ['/nodes', '/services', '/tasks', '/stacks', '/system', '/account', '/live', '/tasks/0000000000000000000000000/logs']) {
    expect(await api.call('GET', path, undefined, anonymous), path).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  }
});

test('a request from another origin is refused even with the right cookie', async () => {
  const cookie = await signIn(api.firstPassword);
  const foreign = await api.call('POST', '/services', spec('foreign'), { cookie, origin: 'https://evil.example' });
  expect(foreign).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  const own = await api.call('POST', '/services', spec('own'), { cookie, origin: api.url });
  expect(own.status).toBe(201);
});

test('a token has the role it was made with, and none after it is revoked', async () => {
  const { body: made } = await api.call<{ id: string; secret: string }>('POST', '/account/tokens', { name: 'ci', role: 'viewer' });
  const viewer = { authorization: `Bearer ${made.secret}` };
  expect((await api.call('GET', '/services', undefined, viewer)).status).toBe(200);
  const refused = await api.call<Problem>('POST', '/services', spec('by-viewer'), viewer);
  expect(refused).toMatchObject({ status: 403, body: { detail: expect.stringContaining('needs the role operator') } });
  expect((await api.call('POST', '/account/tokens', { name: 'more', role: 'admin' }, viewer)).status).toBe(403);
  await api.send('DELETE', `/account/tokens/${made.id}`);
  expect((await api.call('GET', '/services', undefined, viewer)).status).toBe(401);
});

test.each([
  ['a missing image', { name: 'x', task: {} }, 'task.image'],
  ['a name with a space', { name: 'a b', task: { image: 'i' } }, 'name'],
  ['a negative number of tasks', { ...spec('x'), mode: { type: 'replicated', replicas: -1 } }, 'mode.replicas'],
  ['a port out of range', { ...spec('x'), ports: [{ targetPort: 70_000 }] }, 'ports.0.targetPort'],
  ['a constraint that is none', spec('x', { placement: { constraints: ['node.colour == red'] } }), 'task.placement.constraints.0'],
  ['a bind mount of a relative path', spec('x', { mounts: [{ type: 'bind', source: './x', target: '/x' }] }), 'task.mounts.0.source'],
  ['an entry without a value', spec('x', { env: ['HOME'] }), 'task.env.0'],
  [
    'more reserved than allowed',
    spec('x', { resources: { limits: { memoryBytes: 1 }, reservations: { memoryBytes: 2 } } }),
    'task.resources.reservations.memoryBytes',
  ],
])('%s is an error that names the field', async (_, body, field) => {
  const answer = await api.call<Problem>('POST', '/services', body);
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(answer.body).toMatchObject({ code: 'invalid', errors: expect.arrayContaining([{ field, message: expect.any(String) }]) });
});

test('a body that is no JSON, an unknown path and an unknown id are problems too', async () => {
  const torn = await fetch(`${api.url}/api/v1/services`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer a secret of this test alone' },
    body: '{',
  });
  expect([torn.status, torn.headers.get('content-type')]).toEqual([400, expect.stringContaining('application/problem+json')]);
  expect(await api.call('GET', '/nothing')).toMatchObject({ status: 404, body: { code: 'not-found' } });
  expect(await api.call('GET', '/services/0000000000000000000000000')).toMatchObject({ status: 404, body: { code: 'not-found' } });
  expect(await api.call('GET', '/services/short')).toMatchObject({ status: 400, body: { errors: [{ field: 'serviceId' }] } });
});

test('two writers: the second one is told that the service has changed', async () => {
  const made = await api.send<Service>('POST', '/services', spec('shared'));
  const first = await api.call<Service>('PUT', `/services/${made.id}`, { version: made.version, spec: spec('shared', { env: ['A=1'] }) });
  expect(first.status).toBe(200);
  expect(first.body.version).toBeGreaterThan(made.version);
  const second = await api.call<Problem>('PUT', `/services/${made.id}`, { version: made.version, spec: spec('shared', { env: ['B=2'] }) });
  expect(second).toMatchObject({ status: 409, body: { code: 'conflict', errors: [{ field: 'version' }] } });
  expect((await api.get<Service>(`/services/${made.id}`)).spec.task.env).toEqual(['A=1']);
});

test('names and published ports are taken once', async () => {
  await api.send('POST', '/services', { ...spec('first'), ports: [{ targetPort: 80, publishedPort: 8_123 }] });
  expect(await api.call('POST', '/services', spec('first'))).toMatchObject({ status: 409, body: { errors: [{ field: 'name' }] } });
  const clash = await api.call<Problem>('POST', '/services', { ...spec('second'), ports: [{ targetPort: 81, publishedPort: 8_123 }] });
  expect(clash).toMatchObject({ status: 409, body: { errors: [{ field: 'ports.0.publishedPort' }], detail: expect.stringContaining('service first') } });
  const allotted = await api.send<Service>('POST', '/services', { ...spec('third'), ports: [{ targetPort: 80 }] });
  expect(allotted.ports[0]?.publishedPort).toBeGreaterThanOrEqual(30_000);
});

test('lists come in pages that join without a gap', async () => {
  for (const letter of ['a', 'b', 'c', 'd', 'e']) await api.send('POST', '/services', spec(`page-${letter}`));
  const names: string[] = [];
  let cursor = '';
  do {
    const page = await api.get<{ items: Service[]; nextCursor: string | null }>(`/services?limit=2${cursor}`);
    expect(page.items.length).toBeLessThanOrEqual(2);
    names.push(...page.items.map((service) => service.spec.name));
    cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
  } while (cursor !== '');
  expect(names).toEqual([...names].sort());
  expect(names.filter((name) => name.startsWith('page-'))).toHaveLength(5);
  expect(await api.call('GET', '/services?cursor=nonsense')).toMatchObject({ status: 400, body: { errors: [{ field: 'cursor' }] } });
});

test('the OpenAPI document is served, and health tells of the database', async () => {
  const document = await api.call<{ openapi: string; paths: object }>('GET', '/openapi.json', undefined, anonymous);
  expect(document.body.openapi).toMatch(/^3\.1/);
  expect(Object.keys(document.body.paths)).toEqual(expect.arrayContaining(['/services', '/services/{serviceId}/scale', '/nodes/{nodeId}/containers']));
  expect(await (await fetch(`${api.url}/healthz`)).json()).toEqual({ status: 'ok' });
});
