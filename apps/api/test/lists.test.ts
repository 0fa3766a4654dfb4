import type { ClusterNode, Problem } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { openCluster } from './cluster-fixture.ts';

const cluster = openCluster();
type Page = { items: Record<string, unknown>[]; nextCursor: string | null };

const list = (path: string) => cluster.api.get<Page>(path);

/** Of a list, what is at `field` of each item. */
async function namesOf(path: string, field = 'spec.name'): Promise<unknown[]> {
  const { items } = await list(path);
  return items.map((item) => field.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], item)).sort(); // records by the contract
}

test('every list takes filters, which pages keep to, and answers the fields that are asked for', async () => {
  const { api } = cluster;
  await cluster.join(3);
  const nodes = (await api.get<{ items: ClusterNode[] }>('/nodes')).items;
  const [first, second] = nodes;
  if (first === undefined || second === undefined) throw new Error('no nodes');
  await api.send('PATCH', `/nodes/${first.id}`, { version: first.version, labels: { zone: 'a', disk: '' } });
  await api.send('PATCH', `/nodes/${second.id}`, { version: second.version, labels: { zone: 'b' }, availability: 'pause' });
  expect(await namesOf('/nodes?label=zone')).toEqual(['node-0001', 'node-0002']);
  expect(await namesOf('/nodes?label=zone%3Da')).toEqual(['node-0001']);
  expect(await namesOf('/nodes?label=zone%3Da,disk')).toEqual(['node-0001']);
  expect(await namesOf('/nodes?label=zone%3Db,disk')).toEqual([]);
  expect(await namesOf('/nodes?availability=pause&state=ready')).toEqual(['node-0002']);
  expect(await namesOf('/nodes?state=down')).toEqual([]);
  expect(await namesOf('/nodes?namePrefix=node-&name=node-0003')).toEqual(['node-0003']);

  const on = (node: ClusterNode) => ({ placement: { constraints: [`node.hostname == ${node.spec.name}`] } });
  await api.send('PUT', '/stacks/shop', { compose: 'services: { web: { image: busybox, deploy: { labels: { tier: front }, replicas: 2 } } }' });
  await api.send('PUT', '/stacks/ship', { compose: 'services: { web: { image: busybox, deploy: { mode: replicated-job } } }' });
  const pinned = await api.send<{ id: string }>('POST', '/services', { name: 'pinned', task: { image: 'busybox', ...on(first) } });
  await cluster.seen(pinned as Parameters<typeof cluster.seen>[0], ({ status }) => status.state === 'converged'); // an answer of the contract
  expect(await namesOf('/services?namePrefix=sh')).toEqual(['ship_web', 'shop_web']);
  expect(await namesOf('/services?label=tier%3Dfront,com.docker.stack.namespace')).toEqual(['shop_web']);
  expect(await namesOf('/services?mode=job')).toEqual(['ship_web']);
  expect(await namesOf('/services?state=converged&name=pinned')).toEqual(['pinned']);
  expect(await namesOf('/services?state=removing')).toEqual([]);
  expect(await namesOf(`/services?name=pinned&nodeId=${first.id}`)).toEqual(['pinned']);
  expect(await namesOf(`/services?name=pinned&nodeId=${second.id}`)).toEqual([]);
  expect(await namesOf('/stacks?namePrefix=sho', 'name')).toEqual(['shop']);
  expect(await namesOf('/tasks?service=shop_web', 'serviceName')).toEqual(['shop_web', 'shop_web']);
  expect(await namesOf('/tasks?service=pinned&node=node-0001&state=running', 'serviceName')).toEqual(['pinned']);
  expect(await namesOf('/tasks?service=pinned&node=node-0002')).toEqual([]);
  expect(await namesOf('/tasks?run=1', 'serviceName')).toEqual(['ship_web']);

  await api.send('POST', '/secrets', { name: 'key-1', labels: { team: 'shop' }, data: 'YWJj' });
  await api.send('POST', '/secrets', { name: 'key-2', data: 'YWJj' });
  expect(await namesOf('/secrets?namePrefix=key', 'name')).toEqual(['key-1', 'key-2']);
  expect(await namesOf('/secrets?label=team', 'name')).toEqual(['key-1']);

  const page = await list('/services?namePrefix=sh&limit=1&fields=spec.name,status.state');
  expect(page.items).toEqual([{ spec: { name: 'ship_web' }, status: { state: expect.any(String) } }]);
  expect((await list(`/services?namePrefix=sh&limit=1&fields=spec.name&cursor=${page.nextCursor}`)).items).toEqual([{ spec: { name: 'shop_web' } }]);
  expect((await list(`/services/${pinned.id}/revisions?fields=revision`)).items).toEqual([{ revision: 1 }]);
  const refused = await api.call<Problem>('GET', '/nodes?fields=id,spec.colour');
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: 'fields', message: 'there is no field "spec.colour"' }] } });
});
