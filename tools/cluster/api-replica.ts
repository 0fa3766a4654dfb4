import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from '../process/paths.ts';

export interface ReplicaOptions {
  readonly databaseUrl: string;
  readonly redisUrl?: string;
  readonly host: string;
  readonly port: number;
  /** The same for all replicas: an agent may register at one and be known to all. */
  readonly secret: string;
}

/** One api process of a control plane that has several. */
export class ApiReplica {
  readonly url: string;
  readonly #options: ReplicaOptions;
  #child: ChildProcess | null = null;
  #output = '';

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.url = `http://${options.host}:${options.port}`;
  }

  get output(): string {
    return this.#output;
  }

  async start(): Promise<void> {
    const { databaseUrl, redisUrl, host, port, secret } = this.#options;
    const child = spawn(process.execPath, [join(root, 'apps/api/dist/main.js')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/bin:/bin',
        NODE_ENV: 'production',
        DATABASE_URL: databaseUrl,
        ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
        GANTRY_PORT: String(port),
        GANTRY_BIND: host,
        GANTRY_LOCAL_SECRET: secret,
        GANTRY_HEARTBEAT_MS: '1000',
        GANTRY_RECONCILE_MS: '2000',
      },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-64_000);
      });
    }
    while (!(await this.#isReady())) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the api ended (${child.exitCode ?? child.signalCode}):\n${this.#output}`);
      await delay(100);
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  async call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#options.secret}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: HTTP ${response.status} ${text}`);
    const isJson = response.headers.get('content-type')?.includes('application/json') === true;
    return (isJson && text !== '' ? JSON.parse(text) : text) as Answer; // the shape that contracts/http-api states for this path
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/healthz`)).ok;
    } catch {
      // Not listening yet.
      return false;
    }
  }
}
