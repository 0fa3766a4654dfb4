import { FakeCluster, unmetConstraint } from './cluster.ts';
import { ago, makeContainerId, makeNode } from './records.ts';

/** A small cluster with something of everything: a node that is down, a service that can not be placed, a task that failed. */
export function seedCluster(demoPort: number): FakeCluster {
  const cluster = new FakeCluster();
  const first = makeNode('crane-1');
  cluster.addNode(first);
  cluster.addNode(makeNode('crane-2', { cpus: 16, memoryBytes: 64 * 1024 ** 3 }));
  cluster.addNode(makeNode('crane-3', { state: 'down', message: 'missed its heartbeats for 3 minutes' }));

  const demo = cluster.addStack('demo');
  cluster.addService(
    {
      name: 'demo_web',
      mode: { type: 'replicated', replicas: 2 },
      task: { image: 'gantry-demo:1', env: ['GREETING=hello'] },
      ports: [{ targetPort: 80, publishedPort: demoPort }],
    },
    demo,
  );

  const shop = cluster.addStack('shop');
  const api = cluster.addService(
    {
      name: 'shop_api',
      mode: { type: 'replicated', replicas: 4 },
      labels: { 'com.example.team': 'checkout' },
      task: {
        image: 'ghcr.io/example/shop-api:2.14.1',
        env: ['DATABASE_URL=postgres://shop@shop_db/shop', 'LOG_LEVEL=info'],
        healthcheck: { test: ['CMD-SHELL', 'curl -f localhost:3000/healthz'] },
        resources: { limits: { nanoCpus: 2e9, memoryBytes: 1024 ** 3 }, reservations: { nanoCpus: 1e9, memoryBytes: 512 * 1024 ** 2 } },
      },
      ports: [{ targetPort: 3000, publishedPort: 30080 }],
    },
    shop,
  );
  cluster.addService(
    {
      name: 'shop_db',
      task: {
        image: 'postgres:18',
        mounts: [{ type: 'volume', source: 'shop_db', target: '/var/lib/postgresql' }],
        placement: { constraints: [unmetConstraint] },
        resources: { reservations: { nanoCpus: 2e9, memoryBytes: 4 * 1024 ** 3 } },
      },
    },
    shop,
  );
  cluster.addService({
    name: 'node-exporter',
    mode: { type: 'global' },
    task: { image: 'prom/node-exporter:v1.9.0' },
    ports: [{ targetPort: 9100, publishedPort: 9100, mode: 'host' }],
  });

  for (let attempt = 0; attempt < 60; attempt += 1) {
    const isLast = attempt === 59;
    const task = cluster.addTask(api, 1 + (attempt % 4), {
      nodeId: first.id,
      nodeName: first.spec.name,
      desiredState: 'shutdown',
      createdAt: ago((attempt + 2) * 3_600_000),
      status: isLast
        ? { state: 'shutdown', message: 'stopped as wanted', exitCode: 0, containerId: makeContainerId(), at: ago((attempt + 1) * 3_600_000) }
        : {
            state: 'failed',
            message: 'the process ended',
            error: 'exited with code 137: killed for going over its memory limit of 1 GiB',
            exitCode: 137,
            containerId: makeContainerId(),
            at: ago((attempt + 1) * 3_600_000),
          },
    });
    cluster.logOf(task.id).add('out of memory', 'stderr');
    cluster.logOf(task.id).end();
  }
  return cluster;
}
