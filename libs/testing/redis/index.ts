import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A real Redis on a port of 127.0.0.1 picked at random, that keeps nothing. */
export interface RedisServer {
  readonly url: string;
  /** Ends as a crash would, with all it had, and starts again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function pickPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('pick a port: the server has no address');
  return address.port;
}

export async function startRedis(): Promise<RedisServer> {
  const port = await pickPort();
  const directory = await mkdtemp(join(tmpdir(), 'gantry-redis-'));
  const flags = { port: String(port), bind: '127.0.0.1', save: '', appendonly: 'no', dir: directory, 'maxmemory-policy': 'noeviction' };
  const begin = async (): Promise<ChildProcess> => {
    const child = spawn(
      'redis-server',
      Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      await new Promise<void>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
        createInterface({ input: child.stdout }).on('line', (line) => {
          if (line.includes('Ready to accept connections')) resolve();
        });
      });
      return child;
    } catch (cause) {
      await end(child);
      throw cause;
    }
  };
  let child: ChildProcess | null = null;
  const stop = async () => {
    if (child !== null) await end(child);
    await rm(directory, { recursive: true, force: true });
  };
  const restart = async () => {
    if (child !== null) await end(child);
    child = await begin();
  };
  try {
    child = await begin();
    return { url: `redis://127.0.0.1:${port}`, restart, stop };
  } catch (cause) {
    await stop();
    throw new Error('start a redis for tests', { cause });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
