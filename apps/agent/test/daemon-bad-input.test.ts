import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { ask } from './daemon/raw-engine.ts';

let agent: AgentProcess;
const get = (path: string) => ask(agent.engineSocket, 'GET', path);
const post = (path: string, body = '', type?: string) => ask(agent.engineSocket, 'POST', path, body, type);

beforeAll(async () => {
  agent = await AgentProcess.create({ octet: 223 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
});
afterAll(() => agent.destroy());

const notObjects = ['{', '[]', '"text"', '7', '{"Name":7}'];
const json = [
  ...notObjects,
  '{"Image":7}',
  '{"Image":"bb:1","HostConfig":[]}',
  `{"Image":"bb:1","Cmd":${'['.repeat(2000)}${']'.repeat(2000)}}`,
  `{"Image":"${'x'.repeat(300_000)}"}`,
];
const names = ['..', '../../etc/passwd', '%00', '%2e%2e%2f', '%zz', 'a'.repeat(5000), '{"x":1}', '%F0%9F%90%B3', "'; rm -rf /"];
const bodies = [
  '/containers/create',
  '/containers/x/exec',
  '/containers/x/update',
  '/exec/x/start',
  '/networks/create',
  '/networks/x/connect',
  '/networks/x/disconnect',
  '/commit?container=x',
];
const named = [
  '/containers/N/json',
  '/containers/N/top',
  '/containers/N/logs?stdout=1',
  '/containers/N/changes',
  '/containers/N/export',
  '/containers/N/stats?stream=0',
  '/containers/N/archive?path=/',
  '/exec/N/json',
  '/images/N/json',
  '/images/N/history',
  '/networks/N',
  '/volumes/N',
  '/plugins/N/json',
];
const queries = [
  '/containers/json?limit=x',
  '/containers/json?filters={',
  '/containers/json?filters={"zzz":["x"]}',
  '/containers/json?filters={"status":["flying"]}',
  '/containers/json?filters={"exited":["x"]}',
  '/containers/json?filters={"before":["nosuch"]}',
  '/containers/json?filters={"publish":["99999"]}',
  '/images/json?filters={"dangling":["maybe"]}',
  '/images/json?filters={"until":["whenever"]}',
  '/networks?filters={"type":["odd"]}',
  '/volumes?filters={"x":1}',
  '/events?since=yesterday',
  '/events?filters={"nosuch":["x"]}',
  '/system/df?type=everything',
  '/images/get',
  '/v1.23/info',
  '/v9.9/info',
];

test('malformed bodies are refused, and nothing is made', { timeout: 120_000 }, async () => {
  const cases = [...bodies.flatMap((path) => json.map((body) => ({ path, body }))), ...notObjects.map((body) => ({ path: '/volumes/create', body }))];
  for (const { path, body } of cases) {
    const { status, body: answer } = await post(path, body);
    expect.soft(status >= 400 && status < 500, `POST ${path} ${body.slice(0, 60)}: ${status} ${answer.slice(0, 200)}`).toBe(true);
    expect.soft(JSON.parse(answer)).toHaveProperty('message');
  }
  expect((await get('/containers/json?all=1')).body.trim()).toBe('[]');
  expect(JSON.parse((await get('/volumes')).body)).toMatchObject({ Volumes: [] });
  expect(JSON.parse((await get('/networks?filters={"type":["custom"]}')).body)).toEqual([]);
});

test('strange names are looked for, not followed', { timeout: 120_000 }, async () => {
  for (const path of named) {
    for (const name of names) {
      const { status, body } = await get(path.replace('N', name));
      expect.soft([400, 404, 431].includes(status), `GET ${path.replace('N', name.slice(0, 40))}: ${status} ${body.slice(0, 200)}`).toBe(true);
    }
  }
});

test('parameters that make no sense are refused in Docker’s shape', async () => {
  for (const path of queries) {
    const { status, body } = await get(encodeURI(path));
    expect.soft([400, 404].includes(status), `GET ${path}: ${status} ${body.slice(0, 200)}`).toBe(true);
    expect.soft(JSON.parse(body)).toHaveProperty('message');
  }
});

test('a body that is not said to be JSON is refused, an empty one is not', async () => {
  expect(await post('/networks/create', '{"Name":"n"}', 'text/plain')).toMatchObject({
    status: 400,
    body: expect.stringContaining("unsupported Content-Type header (text/plain): must be 'application/json'"),
  });
  expect((await post('/volumes/create')).status).toBe(201);
  expect(JSON.parse((await post('/volumes/prune')).body).VolumesDeleted).toHaveLength(1);
});

test('a body over the limit is refused without being kept', async () => {
  const { status } = await post('/containers/create', `{"Image":"${'x'.repeat(9 << 20)}"}`);
  expect(status).toBe(413);
  expect((await get('/_ping')).body).toBe('OK');
});
