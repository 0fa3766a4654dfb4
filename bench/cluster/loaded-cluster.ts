import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SimulatedAgent, startFleet } from '@gantry/testing/agent';
import { type PostgresServer, startPostgres } from '@gantry/testing/postgres';
import { Client } from 'pg';
import { root } from '../../tools/process/paths.ts';
import { type Latencies, startProbe } from './probe.ts';

const secret = 'local secret of the bench';
const clockTicksPerSecond = 100;

async function pickPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('pick a port: the server has no address');
  return address.port;
}

interface Seen {
  readonly id: string;
  readonly version: number;
  readonly spec: { readonly task: object };
  readonly status: { readonly state: string; readonly runningTasks: number };
}

/** What doing nothing costs: percent of one core, and rows and transactions written each second. */
export interface Rest {
  readonly apiCpu: number;
  readonly rowsWritten: number;
  readonly transactions: number;
}

function percentile99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}

/** A Postgres, an api and simulated agents of our own: nothing of an installation is touched. */
export class LoadedCluster {
  readonly agents: SimulatedAgent[] = [];
  readonly #postgres: PostgresServer;
  readonly #databaseUrl: string;
  readonly #api: ChildProcess;
  readonly #url: string;
  #made = 0;

  private constructor(postgres: PostgresServer, databaseUrl: string, api: ChildProcess, url: string) {
    this.#postgres = postgres;
    this.#databaseUrl = databaseUrl;
    this.#api = api;
    this.#url = url;
  }

  static async open(nodes: number): Promise<LoadedCluster> {
    const postgres = await startPostgres();
    const port = await pickPort();
    const databaseUrl = await postgres.createDatabase('bench');
    const env = { ...process.env, DATABASE_URL: databaseUrl, GANTRY_PORT: String(port), GANTRY_LOCAL_SECRET: secret, GANTRY_LOG_LEVEL: 'error' };
    const api = spawn(process.execPath, [join(root, 'apps/api/dist/main.js')], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const cluster = new LoadedCluster(postgres, databaseUrl, api, `http://127.0.0.1:${port}`);
    try {
      await cluster.#untilHealthy();
      cluster.agents.push(...(await startFleet({ serverUrl: cluster.#url, joinToken: secret, count: nodes })));
      return cluster;
    } catch (cause) {
      await cluster.close();
      throw cause;
    }
  }

  async close(): Promise<void> {
    for (const agent of this.agents) agent.close();
    if (this.#api.exitCode === null) {
      this.#api.kill('SIGTERM');
      await once(this.#api, 'exit');
    }
    await this.#postgres.stop();
  }

  /** p99 of what people ask while `work` is done, in milliseconds. */
  async whileProbed(work: () => Promise<number>): Promise<{ seconds: number; get: number; post: number; failed: number }> {
    const probe = startProbe({ url: this.#url, secret });
    let latencies: Latencies;
    let seconds: number;
    try {
      seconds = await work();
    } finally {
      latencies = await probe.stop();
    }
    return { seconds, get: percentile99(latencies.get), post: percentile99(latencies.post), failed: latencies.failed };
  }

  /** Seconds from the POST of a service to its last task reported running. */
  async scaleUp(tasks: number): Promise<number> {
    this.#made += 1;
    const started = performance.now();
    const body = { name: `bench-${this.#made}`, mode: { type: 'replicated', replicas: tasks }, task: { image: 'busybox' }, update: { parallelism: 100 } };
    const service = await this.#send<Seen>('POST', '/services', body);
    await this.#until(service.id, (seen) => seen.status.runningTasks === tasks);
    return (performance.now() - started) / 1_000;
  }

  /** Seconds until every task of the service made last is of a new revision. */
  async rollOut(): Promise<number> {
    const service = await this.#latest();
    const started = performance.now();
    const spec = { ...service.spec, task: { ...service.spec.task, env: [`BENCH=${this.#made}`] } };
    await this.#send('PUT', `/services/${service.id}`, { version: service.version, spec });
    await this.#until(service.id, (seen) => seen.status.state === 'converged');
    return (performance.now() - started) / 1_000;
  }

  /** Seconds from the moment the cluster knows that the last `count` nodes are lost until everything runs elsewhere. */
  async loseNodes(count: number): Promise<number> {
    const service = await this.#latest();
    const wanted = service.status.runningTasks;
    for (const agent of this.agents.splice(-count)) agent.close();
    await this.#until(service.id, (seen) => seen.status.runningTasks < wanted);
    const started = performance.now();
    await this.#until(service.id, (seen) => seen.status.state === 'converged' && seen.status.runningTasks === wanted);
    return (performance.now() - started) / 1_000;
  }

  async rest(seconds: number): Promise<Rest> {
    const before = { cpu: await this.#cpuTicks(), ...(await this.#writes()) };
    await sleep(seconds * 1_000);
    const after = { cpu: await this.#cpuTicks(), ...(await this.#writes()) };
    return {
      apiCpu: ((after.cpu - before.cpu) / clockTicksPerSecond / seconds) * 100,
      rowsWritten: (after.rows - before.rows) / seconds,
      transactions: (after.commits - before.commits) / seconds,
    };
  }

  /** Of the api, with its threads. */
  async residentMegabytes(): Promise<{ now: number; peak: number }> {
    const status = await readFile(`/proc/${this.#api.pid}/status`, 'utf8');
    const read = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN) / 1024;
    return { now: read('VmRSS'), peak: read('VmHWM') };
  }

  async #cpuTicks(): Promise<number> {
    const fields = (await readFile(`/proc/${this.#api.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  }

  async #writes(): Promise<{ rows: number; commits: number }> {
    const client = new Client({ connectionString: this.#databaseUrl });
    await client.connect();
    try {
      const { rows } = await client.query<{ rows: number; commits: number }>(
        'select (tup_inserted + tup_updated + tup_deleted)::float8 as rows, xact_commit::float8 as commits from pg_stat_database where datname = current_database()',
      );
      return rows[0] ?? { rows: Number.NaN, commits: Number.NaN };
    } finally {
      await client.end();
    }
  }

  async #latest(): Promise<Seen> {
    const { items } = await this.#send<{ items: Seen[] }>('GET', `/services?name=bench-${this.#made}`);
    const [service] = items;
    if (service === undefined) throw new Error('the service of the bench is gone');
    return service;
  }

  async #untilHealthy(): Promise<void> {
    const isUp = () =>
      fetch(`${this.#url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isUp())) {
      if (this.#api.exitCode !== null) throw new Error(`the api ended with ${this.#api.exitCode}`);
      await sleep(50);
    }
  }

  async #until(serviceId: string, isMet: (seen: Seen) => boolean): Promise<void> {
    while (!isMet(await this.#send<Seen>('GET', `/services/${serviceId}`))) await sleep(100);
  }

  async #send<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
    const response = await fetch(`${this.#url}/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T; // the api's own contract
  }
}
