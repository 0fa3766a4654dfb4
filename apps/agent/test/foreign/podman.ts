import { randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Names, sweep } from '../../../../tools/product/leftovers.ts';

/** Debian's podman with images, containers and locks in a directory of their own. */
export class Podman {
  readonly directory: string;
  readonly #names: Names;
  readonly #runtime: string;

  private constructor(directory: string, runtime: string) {
    const mark = randomBytes(3).toString('hex');
    this.directory = directory;
    this.#runtime = runtime;
    this.#names = { dataDir: directory, bridge: `gp${mark}`, cgroupParent: `gantry-test-podman-${mark}`, instances: [] };
  }

  static async create(runtime: string): Promise<Podman> {
    const podman = new Podman(await mkdtemp(join(tmpdir(), 'podman-')), runtime);
    const lines = ['[engine]', 'lock_type = "file"', 'cgroup_manager = "cgroupfs"', 'events_logger = "none"'];
    await writeFile(join(podman.directory, 'containers.conf'), lines.join('\n'));
    return podman;
  }

  /** Before its commands. */
  get client(): string {
    return `${this.#configured} podman ${this.#places('root', 'runroot', 'tmpdir')} --runtime ${this.#runtime}`;
  }

  /** Before those of buildah, which keeps its images in the same place. */
  get buildah(): string {
    return `${this.#configured} buildah ${this.#places('root', 'runroot')}`;
  }

  get #configured(): string {
    return `CONTAINERS_CONF=${this.directory}/containers.conf`;
  }

  #places(...names: string[]): string {
    return names.map((name) => `--${name} ${this.directory}/${name}`).join(' ');
  }

  /** After `podman run`: a cgroup that is swept, and no network, which would need its own programs. */
  get options(): string {
    return `--network none --cgroup-parent /${this.#names.cgroupParent}`;
  }

  async destroy(): Promise<void> {
    const left = await sweep(this.#names);
    if (left.length > 0) throw new Error(`podman left behind: ${left.join(', ')}`);
  }
}
