import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FakeCluster } from './fake-api/cluster.ts';
import { createDemo } from './fake-api/demo.ts';
import { seedCluster } from './fake-api/seed.ts';
import { createFakeApi } from './fake-api/server.ts';
import { password, Sessions } from './fake-api/sessions.ts';

const standalone = fileURLToPath(new URL('../.next/standalone', import.meta.url));
const readyTimeoutMs = 30_000;

export interface FakeConsole {
  url: string;
  demoUrl: string;
  cluster: FakeCluster;
  sessions: Sessions;
  /** Cuts every connection and answers nobody until `comeBack`. */
  goAway: () => Promise<void>;
  comeBack: () => Promise<void>;
  close: () => Promise<void>;
}

export const admin = { email: 'admin@gantry.local', password };
export const viewer = { email: 'viewer@gantry.local', password };

/** The built dashboard in front of the fake control plane. */
export async function startFakeConsole(): Promise<FakeConsole> {
  const [apiPort, webPort, demoPort] = [await freePort(), await freePort(), await freePort()];
  const cluster = seedCluster(demoPort);
  const sessions = new Sessions();
  const webUrl = `http://127.0.0.1:${webPort}`;
  const url = `http://127.0.0.1:${apiPort}`;
  const api = createFakeApi(cluster, sessions, webUrl);
  const demo = createDemo(cluster);
  const [apiSockets, demoSockets] = [trackSockets(api), trackSockets(demo)];
  await Promise.all([listen(api, apiPort), listen(demo, demoPort)]);
  // A copy, because a build meanwhile takes the files away from under the server.
  const directory = await mkdtemp(join(tmpdir(), 'gantry-dashboard-'));
  await cp(standalone, directory, { recursive: true, verbatimSymlinks: true });
  const web = spawn(process.execPath, [join(directory, 'apps/web/server.js')], {
    env: { ...process.env, NODE_ENV: 'production', PORT: String(webPort), HOSTNAME: '127.0.0.1', GANTRY_API_URL: url },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = once(web, 'exit');
  await untilAnswers(`${webUrl}/sign-in`);
  return {
    url,
    demoUrl: `http://127.0.0.1:${demoPort}`,
    cluster,
    sessions,
    goAway: () => closeServer(api, apiSockets),
    comeBack: () => listen(api, apiPort),
    async close() {
      cluster.close();
      web.kill();
      await gone;
      await rm(directory, { recursive: true });
      await Promise.all([closeServer(api, apiSockets), closeServer(demo, demoSockets)]);
    },
  };
}

/** server.closeAllConnections leaves upgraded ones, which a terminal's is. */
function trackSockets(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return sockets;
}

async function listen(server: Server, port: number): Promise<void> {
  if (server.listening) return;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

async function closeServer(server: Server, sockets: Iterable<Socket>): Promise<void> {
  if (!server.listening) return;
  server.close();
  for (const socket of sockets) socket.destroy();
  await once(server, 'close');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server that listens has an address with a port.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilAnswers(url: string): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  for (;;) {
    const answer = await fetch(url).catch((error: unknown) => error);
    if (answer instanceof Response && answer.ok) return;
    if (Date.now() > deadline) throw new Error(`the dashboard does not answer at ${url}; is it built?`, { cause: answer });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
