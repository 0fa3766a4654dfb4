import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Debian's docker-registry on a port of its own, its storage in a temporary directory. */
export interface TestRegistry {
  /** `ADDRESS:PORT` */
  readonly domain: string;
  close(): Promise<void>;
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
  return address.port;
}

/** `htpasswd` is one line of bcrypt, as `htpasswd -nB` prints it; without it everybody may push. On the loopback unless another address is told. */
export async function startRegistry(options: { htpasswd?: string; host?: string } = {}): Promise<TestRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-registry-'));
  const host = options.host ?? '127.0.0.1';
  const port = await freePort(host);
  const domain = `${host}:${port}`;
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: { addr: domain },
    ...(options.htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: join(directory, 'htpasswd') } } }),
  };
  // JSON is YAML.
  await writeFile(join(directory, 'config.yml'), JSON.stringify(config));
  await writeFile(join(directory, 'htpasswd'), options.htpasswd ?? '');
  const child = spawn('docker-registry', ['serve', join(directory, 'config.yml')], { stdio: 'ignore' });
  const close = async () => {
    await end(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(`http://${domain}/v2/`, child);
  } catch (error) {
    await close();
    throw error;
  }
  return { domain, close };
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with code ${child.exitCode}`);
    const response = await fetch(url).catch(() => null);
    if (response !== null) return;
    await delay(50);
  }
  throw new Error('docker-registry does not answer');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
