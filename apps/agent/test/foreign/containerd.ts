import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../../tools/process/run.ts';
import { type Names, sweep } from '../../../../tools/product/leftovers.ts';

const program = '/usr/bin/containerd';

/** Debian's containerd, with nothing of it where another one would look. */
export class Containerd {
  readonly directory: string;
  readonly #names: Names;
  readonly #runtime: string;
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(directory: string, runtime: string) {
    const mark = randomBytes(3).toString('hex');
    this.directory = directory;
    this.#runtime = runtime;
    this.#names = { dataDir: directory, bridge: `gc${mark}`, cgroupParent: `gantry-test-containerd-${mark}`, instances: [] };
  }

  static async create(runtime: string): Promise<Containerd> {
    return new Containerd(await mkdtemp(join(tmpdir(), 'ctd-')), runtime);
  }

  get #socket(): string {
    return join(this.directory, 'containerd.sock');
  }

  /** Before its commands. */
  get client(): string {
    return `ctr -a ${this.#socket}`;
  }

  /** After `ctr run`; the container's cgroup is below one that is swept. */
  options(id: string): string {
    const runtime = `--runtime io.containerd.runc.v2 --runc-binary ${this.#runtime} --runc-root ${this.runtimeRoot}`;
    return `${runtime} --cgroup /${this.#names.cgroupParent}/${id}`;
  }

  get runtimeRoot(): string {
    return join(this.directory, 'runtime');
  }

  async start(): Promise<void> {
    const config = join(this.directory, 'config.toml');
    const lines = [
      'version = 2',
      `root = "${this.directory}/root"`,
      `state = "${this.directory}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      '[grpc]',
      `address = "${this.#socket}"`,
      '[ttrpc]',
      `address = "${this.#socket}.ttrpc"`,
    ];
    await writeFile(config, lines.join('\n'));
    const child = spawn(program, ['--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-16_000);
      });
    }
    while ((await run('ctr', ['-a', this.#socket, 'version'])).code !== 0) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`containerd ended (${child.exitCode ?? child.signalCode}):\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async destroy(): Promise<void> {
    const child = this.#child;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
      await promise;
    }
    const left = await sweep(this.#names);
    if (left.length > 0) throw new Error(`containerd left behind: ${left.join(', ')}`);
  }
}
