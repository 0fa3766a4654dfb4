import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type SimulatedAgent, startFleet } from '@gantry/testing/agent';
import { type PostgresServer, startPostgres } from '@gantry/testing/postgres';
import type { Bench, Case, Measure } from '../tools/bench/bench.ts';
import { build } from '../tools/build/build.ts';
import { root } from '../tools/process/paths.ts';

const secret = 'local secret of the bench';
const tasksPerNode = 30;
const clockTicksPerSecond = 100;
const steadySeconds = 20;

async function pickPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('pick a port: the server has no address');
  return address.port;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Seen {
  readonly id: string;
  readonly version: number;
  readonly spec: { readonly task: object };
  readonly status: { readonly state: string; readonly runningTasks: number };
}

/** A Postgres, an api and simulated agents of our own: nothing of an installation is touched. */
class Cluster {
  readonly agents: SimulatedAgent[];
  readonly #postgres: PostgresServer;
  readonly #api: ChildProcess;
  readonly #url: string;
  readonly #latencies = { get: [] as number[], post: [] as number[] };
  #made = 0;

  private constructor(postgres: PostgresServer, api: ChildProcess, url: string, agents: SimulatedAgent[]) {
    this.#postgres = postgres;
    this.#api = api;
    this.#url = url;
    this.agents = agents;
  }

  static async open(nodes: number): Promise<Cluster> {
    const postgres = await startPostgres();
    const port = await pickPort();
    const env = {
      ...process.env,
      DATABASE_URL: await postgres.createDatabase('bench'),
      GANTRY_PORT: String(port),
      GANTRY_LOCAL_SECRET: secret,
      GANTRY_LOG_LEVEL: 'error',
    };
    const api = spawn(process.execPath, [join(root, 'apps/api/dist/main.js')], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const url = `http://127.0.0.1:${port}`;
    const cluster = new Cluster(postgres, api, url, []);
    try {
      await cluster.#untilHealthy();
      cluster.agents.push(...(await startFleet({ serverUrl: url, joinToken: secret, count: nodes })));
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

  /** Seconds from the POST of a service to its last task reported running. */
  async scaleUp(tasks: number): Promise<number> {
    this.#made += 1;
    const started = performance.now();
    const task = { image: 'busybox' };
    const body = { name: `bench-${this.#made}`, mode: { type: 'replicated', replicas: tasks }, task, update: { parallelism: 100 } };
    const service = await this.#send<Seen>('POST', '/services', body);
    await this.#until(service.id, (seen) => seen.status.runningTasks === tasks);
    return (performance.now() - started) / 1_000;
  }

  /** Seconds until every task of a service of `tasks` is of the new revision. */
  async rollOut(tasks: number): Promise<number> {
    await this.scaleUp(tasks);
    const page = await this.#send<{ items: Seen[] }>('GET', `/services?name=bench-${this.#made}`);
    const service = page.items[0];
    if (service === undefined) throw new Error('the service to roll out is gone');
    const started = performance.now();
    const spec = { ...service.spec, task: { ...service.spec.task, env: [`BENCH=${this.#made}`] } };
    await this.#send('PUT', `/services/${service.id}`, { version: service.version, spec });
    await this.#until(service.id, (seen) => seen.status.state === 'converged');
    return (performance.now() - started) / 1_000;
  }

  takeLatency(kind: 'get' | 'post'): number {
    const sorted = this.#latencies[kind].splice(0).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  }

  /** Percent of one core that the api takes while nothing changes. */
  async idleCpu(): Promise<number> {
    const before = await this.#cpuTicks();
    await pause(steadySeconds * 1_000);
    return (((await this.#cpuTicks()) - before) / clockTicksPerSecond / steadySeconds) * 100;
  }

  /** Of the api. */
  async residentMegabytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#api.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
  }

  async #cpuTicks(): Promise<number> {
    const fields = (await readFile(`/proc/${this.#api.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  }

  async #untilHealthy(): Promise<void> {
    const isUp = () =>
      fetch(`${this.#url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isUp())) {
      if (this.#api.exitCode !== null) throw new Error(`the api ended with ${this.#api.exitCode}`);
      await pause(50);
    }
  }

  async #until(serviceId: string, isMet: (seen: Seen) => boolean): Promise<void> {
    while (!isMet(await this.#send<Seen>('GET', `/services/${serviceId}`))) await pause(50);
  }

  async #send<T>(method: string, path: string, body?: object): Promise<T> {
    const started = performance.now();
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
    const response = await fetch(`${this.#url}/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    this.#latencies[method === 'GET' ? 'get' : 'post'].push(performance.now() - started);
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T; // the api's own contract
  }
}

const limit = (value: number) => ({ name: 'limit', measure: async () => value });

export const bench: Bench = {
  name: 'cluster',
  rounds: 1,
  open: async () => {
    await build(['prisma', 'api']);
    let cluster: Cluster | null = null;
    const at = async (nodes: number): Promise<Cluster> => {
      if (cluster?.agents.length === nodes) return cluster;
      await cluster?.close();
      cluster = await Cluster.open(nodes);
      return cluster;
    };
    const scale =
      (nodes: number): Measure =>
      async () => {
        const opened = await at(nodes);
        opened.takeLatency('get');
        return opened.scaleUp(nodes * tasksPerNode);
      };
    const scaling = [100, 300, 1_000].map(
      (nodes): Case => ({
        name: `${nodes} nodes: one service to ${nodes * tasksPerNode} tasks`,
        unit: 's',
        ours: scale(nodes),
        rival: limit(30),
        wanted: '<= 1',
      }),
    );
    const onThousand: Case[] = [
      { name: '1000 nodes: p99 of GETs meanwhile', unit: 'ms', ours: async () => (await at(1_000)).takeLatency('get'), rival: limit(150), wanted: '<= 1' },
      { name: '1000 nodes, 30000 tasks: api at rest, of one core', unit: '%', ours: async () => (await at(1_000)).idleCpu(), rival: null, wanted: null },
      { name: '1000 nodes, 30000 tasks: api’s memory', unit: 'MiB', ours: async () => (await at(1_000)).residentMegabytes(), rival: null, wanted: null },
      {
        name: '1000 nodes: rolling update of 3000 tasks, 100 at a time',
        unit: 's',
        ours: async () => (await at(1_000)).rollOut(3_000),
        rival: null,
        wanted: null,
      },
      { name: '1000 nodes: p99 of POSTs and PUTs', unit: 'ms', ours: async () => (await at(1_000)).takeLatency('post'), rival: limit(300), wanted: '<= 1' },
    ];
    return {
      cases: [...scaling, ...onThousand],
      close: async () => {
        await cluster?.close();
      },
    };
  },
};
