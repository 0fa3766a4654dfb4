import { randomBytes } from 'node:crypto';
import type { Service, Task } from '@gantry/contracts/http-api';
import { SimulatedAgent, UnrulyLink } from '@gantry/testing/agent';
import { startPostgres } from '@gantry/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../product/eventually.ts';
import { ApiReplica } from './api-replica.ts';
import { pickPort } from './pick-port.ts';
import { TaskJournal } from './task-journal.ts';

const made = new AsyncDisposableStack();
const secret = randomBytes(16).toString('hex');
const seed = 20_261_124;
let databaseUrl: string;
let api: ApiReplica;

beforeAll(async () => {
  const postgres = await startPostgres();
  made.defer(() => postgres.stop());
  databaseUrl = await postgres.createDatabase('unruly');
  api = new ApiReplica({ databaseUrl, host: '127.0.0.1', port: await pickPort(), secret });
  made.defer(() => api.end('SIGKILL'));
  await api.start();
});

afterAll(() => made.disposeAsync());

test('a link that brings frames late, twice, swapped or not at all loses nothing and does nothing twice', async () => {
  const link = new UnrulyLink({ target: api.url, seed });
  const serverUrl = await link.listen();
  made.defer(() => link.close());
  const journal = new TaskJournal();
  for (let index = 0; index < 6; index += 1) {
    const name = `node-${index}`;
    const { identity } = await register(name);
    const agent: SimulatedAgent = new SimulatedAgent({ serverUrl, name, identity, observe: (status) => journal.note(name, status, null) });
    made.defer(() => agent.close());
    await agent.connect();
    await agent.until(() => agent.isConnected);
  }
  const service = await api.call<Service>('POST', '/services', {
    name: 'web',
    mode: { type: 'replicated', replicas: 12 },
    task: { image: 'busybox:0' },
    update: { parallelism: 0, failureAction: 'continue' },
  });
  link.misbehaviour = { duplicated: 10, delayed: 30, swapped: 10, broken: 2 };
  // So few frames may all get through: again, until a connection has broken.
  for (let round = 0; round === 0 || (link.breaks === 0 && round < 20); round += 1) {
    for (const wanted of [30, 6, 24, 18]) {
      await api.call('POST', `/services/${service.id}/scale`, { replicas: wanted });
      await settles(journal, service, wanted);
    }
  }
  link.misbehaviour = { duplicated: 0, delayed: 0, swapped: 0, broken: 0 };
  await settles(journal, service, 18);
  expect(link.breaks).toBeGreaterThan(0);
});

/** Registered without the link: that is a request, and no frame. */
async function register(name: string): Promise<SimulatedAgent> {
  const agent = new SimulatedAgent({ serverUrl: api.url, joinToken: secret, name, reconnects: false });
  await agent.connect();
  await agent.until(() => agent.isConnected);
  agent.close();
  return agent;
}

async function settles(journal: TaskJournal, service: Service, wanted: number): Promise<void> {
  await eventually(`with ${wanted} tasks the promises hold`, async () => {
    const { items } = await api.call<{ items: Task[] }>('GET', '/tasks?desiredState=running&limit=1000');
    return journal.check({ services: [{ service, wanted }], tasks: items });
  });
}

test('an api that is killed in the middle of a POST with an Idempotency-Key has carried it out once or not at all, and does so when it is sent again', async () => {
  const lock = new Client({ connectionString: databaseUrl });
  await lock.connect();
  const send = () =>
    fetch(`${api.url}/api/v1/services`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', 'idempotency-key': 'order-66' },
      body: JSON.stringify({ name: 'once', task: { image: 'busybox' } }),
    });
  const waiting = async () =>
    (await lock.query("select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()")).rows.length > 0;
  try {
    // its key is written down, and the service can not be
    await lock.query('begin');
    await lock.query('lock table service_revision in exclusive mode');
    const first = send().then(
      () => 'answered',
      () => 'broken off',
    );
    await eventually('the request is in the middle of its transaction', waiting);
    await api.end('SIGKILL');
    expect(await first).toBe('broken off');
    await lock.query('rollback');
    await api.start();
    const again = await send();
    const { id } = (await again.json()) as Service; // the api's own contract
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, null]);
    const repeated = await send();
    expect([repeated.status, repeated.headers.get('idempotency-replayed'), ((await repeated.json()) as Service).id]).toEqual([201, 'true', id]); // as above
    expect((await lock.query("select id from service where name = 'once'")).rows).toEqual([{ id }]);
  } finally {
    await lock.end();
  }
});
