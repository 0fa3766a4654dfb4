import { createServer, type Server } from 'node:http';
import type { FakeCluster } from './cluster.ts';

/** The demo service as its published port shows it: each request is answered by a running task in turn, which logs it. */
export function createDemo(cluster: FakeCluster): Server {
  let turn = 0;
  return createServer((request, response) => {
    const running = [...cluster.tasks.values()].filter((task) => task.serviceName === 'demo_web' && task.status.state === 'running');
    const task = running[turn++ % running.length];
    if (!task) {
      response.writeHead(503).end('no task runs');
      return;
    }
    cluster.logOf(task.id).add(`${request.method} ${request.url} 200`);
    response.end(`hello from ${task.status.containerId?.slice(0, 12)}\n`);
  });
}
