import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface TestHost {
  readonly netns: string;
  readonly address: string;
  /** A mount namespace whose /sys shows this host's own interfaces. */
  readonly mounts: string;
}

/** Put before a program, runs it on this host. */
export function onHost(host: TestHost): string[] {
  return ['nsenter', `--net=/run/netns/${host.netns}`, `--mount=${host.mounts}`];
}

/** sysfs shows the interfaces of whoever mounted it; the control groups are the machine's. */
const mountSys = `set -e
kept=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$kept"
mount -t sysfs sysfs /sys
mount --rbind "$kept" /sys/fs/cgroup
umount -l "$kept"
rmdir "$kept"`;

/**
 * Several hosts' networks on one machine: a network namespace each, plugged into one bridge, on which this process (the control plane's
 * part) has the address `gateway`. Cables can be pulled.
 */
export class TestNetwork {
  readonly gateway: string;
  readonly #mark = randomBytes(3).toString('hex');
  readonly #prefix: string;
  readonly #hosts: TestHost[] = [];
  readonly #namespaces: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.gateway = `${prefix}.1`;
    this.#namespaces = join(tmpdir(), `hosts-${this.#mark}`);
  }

  async create(): Promise<void> {
    await mkdir(this.#namespaces);
    await run('mount', ['--bind', this.#namespaces, this.#namespaces]);
    await run('mount', ['--make-private', this.#namespaces]);
    await run('ip', ['link', 'add', this.#bridge, 'type', 'bridge']);
    await run('ip', ['address', 'add', `${this.gateway}/24`, 'dev', this.#bridge]);
    await run('ip', ['link', 'set', this.#bridge, 'up']);
  }

  async addHost(): Promise<TestHost> {
    const index = this.#hosts.length;
    const netns = `gtn${this.#mark}-${index}`;
    const host = { netns, address: `${this.#prefix}.${10 + index}`, mounts: join(this.#namespaces, netns) };
    await run('ip', ['netns', 'add', host.netns]);
    this.#hosts.push(host);
    await run('ip', ['link', 'add', this.#cable(index), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.netns]);
    await run('ip', ['link', 'set', this.#cable(index), 'master', this.#bridge, 'up']);
    await run('ip', ['-n', host.netns, 'address', 'add', `${host.address}/24`, 'dev', 'eth0']);
    for (const name of ['lo', 'eth0']) await run('ip', ['-n', host.netns, 'link', 'set', name, 'up']);
    await run('ip', ['-n', host.netns, 'route', 'add', 'default', 'via', this.gateway]);
    await writeFile(host.mounts, '');
    await run('nsenter', [`--net=/run/netns/${netns}`, 'unshare', `--mount=${host.mounts}`, '--propagation', 'slave', 'sh', '-c', mountSys]);
    return host;
  }

  /** Nothing gets through in either direction, and nobody is told. */
  async pullCable(host: TestHost): Promise<void> {
    await run('ip', ['link', 'set', this.#cable(this.#hosts.indexOf(host)), 'down']);
  }

  async plugCable(host: TestHost): Promise<void> {
    await run('ip', ['link', 'set', this.#cable(this.#hosts.indexOf(host)), 'up']);
  }

  /** What a program prints that runs on this host. */
  async on(host: TestHost, program: string, ...parameters: string[]): Promise<string> {
    const [enter = '', ...into] = onHost(host);
    return (await run(enter, [...into, program, ...parameters])).stdout;
  }

  async destroy(): Promise<void> {
    for (const { netns, mounts } of this.#hosts) {
      await run('umount', [mounts]).catch(unlessNotMounted);
      await run('ip', ['netns', 'delete', netns]);
    }
    await run('umount', [this.#namespaces]);
    await rm(this.#namespaces, { recursive: true });
    await run('ip', ['link', 'delete', this.#bridge]);
  }

  get #bridge(): string {
    return `gtb${this.#mark}`;
  }

  #cable(index: number): string {
    return `gtc${this.#mark}-${index}`;
  }
}

/** A host that was only half made has no mounts of its own. */
function unlessNotMounted(error: Error): void {
  if (!error.message.includes('not mounted')) throw error;
}
