import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmod, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment, root } from '../process/paths.ts';
import { freePort } from '../start/ports.ts';
import { listContainers, removeContainers } from './containers.ts';
import { eventually } from './eventually.ts';
import { instanceOf, leftoversOf, type Names, sweep } from './leftovers.ts';
import { Rest } from './rest.ts';

type Part = 'postgres' | 'api' | 'web' | 'agent';

const email = 'admin@gantry.local';
const startTimeoutMs = 180_000;
const stopTimeoutMs = 60_000;

/** A whole Gantry of its own beside any other on this host: `npm start` as a person would run it, with everything nameable named differently. */
export class Product {
  readonly dataDir: string;
  readonly names: Names;
  readonly url: string;
  readonly demoUrl: string;
  readonly engineSocket: string;
  readonly subnet = `10.${randomInt(220, 250)}.0.0/16`;
  readonly #args: readonly string[];
  #process: ChildProcess | null = null;
  #output = '';
  #hasAgent = true;

  private constructor(dataDir: string, names: Names, ports: { http: number; demo: number }) {
    this.dataDir = dataDir;
    this.names = names;
    this.url = `http://127.0.0.1:${ports.http}`;
    this.demoUrl = `http://127.0.0.1:${ports.demo}`;
    this.engineSocket = join(dataDir, 'run/engine.sock');
    const named = ['--bridge', names.bridge, '--subnet', this.subnet, '--cgroup-parent', names.cgroupParent, '--node-name', 'here'];
    this.#args = ['--data-dir', dataDir, '--port', String(ports.http), '--demo-port', String(ports.demo), ...named];
  }

  static async create(): Promise<Product> {
    const dataDir = await mkdtemp(join(tmpdir(), 'gantry-product-'));
    await chmod(dataDir, 0o711);
    const suffix = randomInt(36 ** 4)
      .toString(36)
      .padStart(4, '0');
    const instances = ['agent', 'second/agent'].map((path) => instanceOf(join(dataDir, path)));
    const names: Names = { dataDir, bridge: `gt${suffix}`, cgroupParent: `gantry-t${suffix}`, instances };
    return new Product(dataDir, names, { http: await freePort(), demo: await freePort() });
  }

  /** Resolves when the start says that everything is up; fails with what it printed when it ends before. */
  async start(...extra: string[]): Promise<void> {
    const child = spawn(process.execPath, ['tools/start.mjs', ...this.#args, ...extra], { cwd: root, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#output = '';
    this.#hasAgent = !extra.includes('--no-agent');
    await new Promise<void>((resolve, reject) => {
      const tooLong = setTimeout(() => reject(new Error(`npm start was not up after ${startTimeoutMs / 1000} s:\n${this.#output}`)), startTimeoutMs);
      const onOutput = (chunk: string) => {
        this.#output += chunk;
        if (!this.#output.includes('Ctrl-C stops')) return;
        clearTimeout(tooLong);
        resolve();
      };
      child.stdout?.setEncoding('utf8').on('data', onOutput);
      child.stderr?.setEncoding('utf8').on('data', onOutput);
      child.once('exit', (code) => {
        clearTimeout(tooLong);
        reject(new Error(`npm start ended with exit code ${code}:\n${this.#output}`));
      });
    });
  }

  get output(): string {
    return this.#output;
  }

  /** The exit code of the start, once it has ended. */
  async ended(): Promise<number | null> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    return new Promise((resolve, reject) => {
      const tooLong = setTimeout(() => reject(new Error(`npm start did not end:\n${this.#output}`)), stopTimeoutMs);
      child.once('exit', (code) => {
        clearTimeout(tooLong);
        resolve(code);
      });
    });
  }

  /** Ctrl-C. */
  async stop(): Promise<number | null> {
    this.#process?.kill('SIGINT');
    return this.ended();
  }

  /** kill -9 of the start itself. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.ended();
  }

  async killPart(part: Part): Promise<void> {
    process.kill(await this.pidOf(part), 'SIGKILL');
  }

  async pidOf(part: Part): Promise<number> {
    const { pid }: { pid: number } = JSON.parse(await readFile(join(this.dataDir, 'run', `${part}.pid`), 'utf8'));
    return pid;
  }

  async credentials(): Promise<{ email: string; password: string }> {
    return { email, password: (await readFile(join(this.dataDir, 'control/first-password'), 'utf8')).trim() };
  }

  async signIn(): Promise<Rest> {
    return Rest.signIn(this.url, await this.credentials());
  }

  get #isRunning(): boolean {
    return this.#process !== null && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Through the product itself: the control plane takes its tasks back, then the engine removes what was run by hand. */
  async #removeWorkloads(): Promise<void> {
    const rest = await this.signIn();
    const { items } = await rest.call<{ items: { name: string }[] }>('GET', '/stacks');
    for (const { name } of items) await rest.call('DELETE', `/stacks/${name}`);
    const isTask = (labels: Readonly<Record<string, string>>) => Object.keys(labels).some((label) => label.includes('task'));
    await eventually('the removed stacks have no containers', async () => !(await listContainers(this.engineSocket)).some(({ Labels }) => isTask(Labels)));
    await removeContainers(this.engineSocket);
  }

  /** Removes every workload, stops, and says what is still there of it on this host afterwards; then removes that as well. */
  async destroy(): Promise<string[]> {
    const left: string[] = [];
    try {
      if (this.#isRunning && this.#hasAgent) await this.#removeWorkloads();
    } catch (cause) {
      left.push(`workloads: ${cause instanceof Error ? cause.message : cause}`);
    }
    if (this.#isRunning) await this.stop();
    left.push(...(await leftoversOf(this.names)), ...(await sweep(this.names)));
    return left;
  }
}
