import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SimulatedAgent, startFleet } from '@gantry/testing/agent';
import { type PostgresServer, startPostgres } from '@gantry/testing/postgres';
import { Client } from 'pg';
import { pickPort } from '../../tools/cluster/pick-port.ts';
import { root } from '../../tools/process/paths.ts';
import { type Latencies, startProbe } from './probe.ts';

const secret = 'local secret of the bench';
const clockTicksPerSecond = 100;

interface Seen {
  readonly id: string;
  readonly version: number;
  readonly spec: { readonly task: object };
  readonly status: { readonly state: string; readonly runningTasks: number };
}

/** What people and the api bear while the cluster works. */
export interface Strain {
  readonly get: number;
  readonly post: number;
  readonly failed: number;
  readonly apiCpuMs: number;
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
  readonly #port: number;
  readonly #url: string;
  #api: ChildProcess;
  /** The services of the bench, oldest first: their ids, and how many tasks each is to have. */
  readonly #made: { readonly id: string; readonly tasks: number }[] = [];

  private constructor(postgres: PostgresServer, databaseUrl: string, port: number) {
    this.#postgres = postgres;
    this.#databaseUrl = databaseUrl;
    this.#port = port;
    this.#url = `http://127.0.0.1:${port}`;
    this.#api = this.#startApi();
  }

  static async open(nodes: number): Promise<LoadedCluster> {
    const postgres = await startPostgres();
    const cluster = new LoadedCluster(postgres, await postgres.createDatabase('bench'), await pickPort());
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

  /** p99 of what people ask while `work` is done, in milliseconds, and the processor time the api took meanwhile. */
  async whileProbed(work: () => Promise<number>): Promise<Strain & { seconds: number }> {
    const probe = startProbe({ url: this.#url, secret });
    const cpuBefore = await this.#cpuTicks();
    let latencies: Latencies;
    let seconds: number;
    try {
      seconds = await work();
    } finally {
      latencies = await probe.stop();
    }
    const apiCpuMs = (((await this.#cpuTicks()) - cpuBefore) / clockTicksPerSecond) * 1_000;
    return { seconds, get: percentile99(latencies.get), post: percentile99(latencies.post), failed: latencies.failed, apiCpuMs };
  }

  /** Seconds from the POST of a service to its last task reported running. */
  async scaleUp(tasks: number): Promise<number> {
    const started = performance.now();
    const body = {
      name: `bench-${this.#made.length}`,
      mode: { type: 'replicated', replicas: tasks },
      task: { image: 'busybox' },
      update: { parallelism: 100 },
    };
    const service = await this.#send<Seen>('POST', '/services', body);
    this.#made.push({ id: service.id, tasks });
    await this.#until(service.id, (seen) => seen.status.runningTasks === tasks);
    return (performance.now() - started) / 1_000;
  }

  /** Seconds until every task of the service made last is of a new revision. */
  async rollOut(): Promise<number> {
    const service = await this.#latest();
    const started = performance.now();
    const spec = { ...service.spec, task: { ...service.spec.task, env: [`BENCH=${service.version}`] } };
    await this.#send('PUT', `/services/${service.id}`, { version: service.version, spec });
    await this.#until(service.id, (seen) => seen.status.state === 'converged');
    return (performance.now() - started) / 1_000;
  }

  /** Seconds from the moment the cluster knows that the last `count` nodes are lost until all they had runs elsewhere. */
  async loseNodes(count: number): Promise<number> {
    const service = await this.#latest();
    const wanted = service.status.runningTasks;
    for (const agent of this.agents.splice(-count)) agent.close();
    await this.#until(service.id, (seen) => seen.status.runningTasks < wanted);
    const started = performance.now();
    await this.#untilCalm();
    return (performance.now() - started) / 1_000;
  }

  /** Kills the api and starts it again: seconds until every agent is connected, and the nodes that were given up or tasks begun anew for it. */
  async restartApi(): Promise<{ seconds: number; harmed: number }> {
    await this.#untilCalm();
    const tasksBefore = await this.#countTasks();
    const exited = once(this.#api, 'exit');
    this.#api.kill('SIGKILL');
    await exited;
    await Promise.all(this.agents.map((agent) => agent.until(() => !agent.isConnected)));
    const started = performance.now();
    this.#api = this.#startApi();
    await this.#untilHealthy();
    await Promise.all(this.agents.map((agent) => agent.until(() => agent.isConnected)));
    const seconds = (performance.now() - started) / 1_000;
    // longer than the grace of the nodes' heartbeats, so that whoever is to be given up has been
    const watchedUntil = performance.now() + (this.agents.length / 50) * 3_000 + 15_000;
    while (performance.now() < watchedUntil) {
      await this.#latest();
      await sleep(1_000);
    }
    const [down] = await this.#query<{ count: number }>("select count(*)::int as count from node where state <> 'ready' and name = any($1)", [
      this.agents.map((agent) => agent.name),
    ]);
    return { seconds, harmed: (down?.count ?? Number.NaN) + (await this.#countTasks()) - tasksBefore };
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
    const [row] = await this.#query<{ rows: number; commits: number }>(
      'select (tup_inserted + tup_updated + tup_deleted)::float8 as rows, xact_commit::float8 as commits from pg_stat_database where datname = current_database()',
    );
    return row ?? { rows: Number.NaN, commits: Number.NaN };
  }

  /** All there ever were of the bench's services, as far as they are remembered. */
  async #countTasks(): Promise<number> {
    const [row] = await this.#query<{ count: number }>('select count(*)::int as count from task where service_id = any($1)', [this.#made.map(({ id }) => id)]);
    return row?.count ?? Number.NaN;
  }

  async #query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    const client = new Client({ connectionString: this.#databaseUrl });
    await client.connect();
    try {
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  #startApi(): ChildProcess {
    const env = { ...process.env, DATABASE_URL: this.#databaseUrl, GANTRY_PORT: String(this.#port), GANTRY_LOCAL_SECRET: secret, GANTRY_LOG_LEVEL: 'error' };
    return spawn(process.execPath, [join(root, 'apps/api/dist/main.js')], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  }

  async #latest(): Promise<Seen> {
    const service = this.#made.at(-1);
    if (service === undefined) throw new Error('the bench has made no service');
    return this.#send('GET', `/services/${service.id}`);
  }

  /** Every service has all its tasks. */
  async #untilCalm(): Promise<void> {
    for (const { id, tasks } of this.#made) await this.#until(id, ({ status }) => status.state === 'converged' && status.runningTasks === tasks);
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
