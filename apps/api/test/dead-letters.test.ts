import type { DeadLetter, Problem, Service } from '@gantry/contracts/http-api';
import { startRedis } from '@gantry/testing/redis';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { eventually, startApi, startPostgres, type TestApi } from './api-fixture.ts';

async function query(api: TestApi, sql: string, values: unknown[] = []): Promise<{ spec: unknown }[]> {
  const client = new Client({ connectionString: api.config.databaseUrl });
  await client.connect();
  try {
    return (await client.query<{ spec: unknown }>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

test.each(['postgres', 'redis'])('what fails five times in a row on %s is seen, run again when asked, and gone when it goes well', async (backend) => {
  const postgres = await startPostgres();
  const redis = backend === 'redis' ? await startRedis() : null;
  const api = await startApi(postgres, { GANTRY_RECONCILE_MS: '600000', ...(redis === null ? {} : { REDIS_URL: redis.url }) });
  try {
    const service = await api.send<Service>('POST', '/services', { name: 'web', task: { image: 'busybox' } });
    await eventually(
      () => api.get<{ items: unknown[] }>(`/tasks?serviceId=${service.id}`),
      ({ items }) => items.length === 1,
    );
    const [before] = await query(api, 'select spec from service where id = $1', [service.id]);
    await query(api, `update service set spec = jsonb_set(spec, '{task}', '7') where id = $1`, [service.id]);
    // by its own retries alone: nobody looks round for ten minutes
    await query(api, `insert into outbox (loop, key) values ('service', $1)`, [service.id]);
    const list = () => api.get<{ items: DeadLetter[] }>('/dead-letters?loop=service');
    const { items } = await eventually(list, (seen) => seen.items.length === 1);
    expect(items).toEqual([expect.objectContaining({ loop: 'service', key: service.id, failures: 5, error: expect.stringContaining('task') })]);
    const run = () => api.call<DeadLetter & Problem>('POST', `/dead-letters/service/${service.id}/run`);
    expect(await run()).toMatchObject({ status: 200, body: { failures: 5 } });
    await eventually(list, (seen) => seen.items[0]?.failures === 6);
    await query(api, 'update service set spec = $2 where id = $1', [service.id, before?.spec]);
    expect((await run()).status).toBe(200);
    await eventually(list, (seen) => seen.items.length === 0);
    expect(await run()).toMatchObject({ status: 404, body: { detail: `there is no dead letter service ${service.id}` } });
  } finally {
    await api.close();
    await redis?.stop();
    await postgres.stop();
  }
});
