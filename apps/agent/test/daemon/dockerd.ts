import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Names, sweep } from '../../../../tools/product/leftovers.ts';
import { ping } from '../../../../tools/start/engine-client.ts';
import { onHost, type TestHost, TestNetwork } from '../netns.ts';

const program = '/usr/sbin/dockerd';

export interface DockerdOptions {
  /** The first three octets of the network its host is plugged into. */
  readonly prefix: string;
  /** An OCI runtime to start containers with in place of runc. */
  readonly runtime?: string;
  /** Containers outlive it. */
  readonly isLiveRestoring?: boolean;
}

/**
 * Debian's dockerd with its own containerd: on a host of its own, so that its bridge, firewall and mounts meet nobody's, and with its data, sockets and
 * control groups where they are found again.
 */
export class Dockerd {
  readonly directory: string;
  readonly socket: string;
  readonly #network: TestNetwork;
  readonly #names: Names;
  readonly #runtime: string | undefined;
  readonly #isLiveRestoring: boolean;
  #host: TestHost | null = null;
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(directory: string, { prefix, runtime, isLiveRestoring = false }: DockerdOptions) {
    const mark = randomBytes(3).toString('hex');
    this.directory = directory;
    this.#runtime = runtime;
    this.#isLiveRestoring = isLiveRestoring;
    this.socket = join(directory, 'docker.sock');
    this.#network = new TestNetwork(prefix);
    this.#names = { dataDir: directory, bridge: `gd${mark}`, cgroupParent: `gantry-test-dockerd-${mark}`, instances: [] };
  }

  static async create(options: DockerdOptions): Promise<Dockerd> {
    if (!existsSync(program))
      throw new Error(`${program} is not installed: "apt-get install --no-install-recommends docker.io" brings what this compares with`);
    return new Dockerd(await mkdtemp(join(tmpdir(), 'dockerd-')), options);
  }

  /** Where it reaches this process. */
  get gateway(): string {
    return this.#network.gateway;
  }

  /** Returns when it answers; what it wrote is in the message when it ends instead. */
  async start(): Promise<void> {
    this.#host ??= await this.#plugIn();
    const [enter = '', ...into] = onHost(this.#host);
    const options = {
      'data-root': join(this.directory, 'data'),
      'exec-root': join(this.directory, 'exec'),
      pidfile: join(this.directory, 'pid'),
      host: `unix://${this.socket}`,
      'cgroup-parent': `/${this.#names.cgroupParent}`,
      'log-level': 'warn',
      'insecure-registry': `${this.gateway}/32`,
      ...(this.#isLiveRestoring ? { 'live-restore': 'true' } : {}),
      ...(this.#runtime === undefined ? {} : { 'add-runtime': `foreign=${this.#runtime}`, 'default-runtime': 'foreign' }),
    };
    const parameters = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const child = spawn(enter, [...into, program, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-16_000);
      });
    }
    while (!(await ping(this.socket))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`dockerd ended (${child.exitCode ?? child.signalCode}):\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #plugIn(): Promise<TestHost> {
    await this.#network.create();
    return this.#network.addHost();
  }

  /** Of dockerd itself; containerd is its child. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** SIGKILL to it and its containerd; containers stay where it is live-restoring. */
  async kill(): Promise<void> {
    const containerd = Number(await readFile(join(this.directory, 'exec/containerd/containerd.pid'), 'utf8'));
    for (const pid of [this.pid, containerd]) process.kill(pid, 'SIGKILL');
    while ([this.pid, containerd].some((pid) => existsSync(`/proc/${pid}/exe`))) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async destroy(): Promise<void> {
    const child = this.#child;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once('exit', () => resolve());
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await promise;
      clearTimeout(impatience);
    }
    const left = await sweep(this.#names);
    await this.#network.destroy();
    await rm(this.directory, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`dockerd left behind: ${left.join(', ')}`);
  }
}
