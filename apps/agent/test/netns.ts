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
  /** What was made is undone in the opposite order, all of it, whatever fails on the way there or back. */
  readonly #made = new AsyncDisposableStack();

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.gateway = `${prefix}.1`;
    this.#namespaces = join(tmpdir(), `hosts-${this.#mark}`);
  }

  async create(): Promise<void> {
    await mkdir(this.#namespaces);
    this.#made.defer(() => rm(this.#namespaces, { recursive: true }));
    await run('mount', ['--bind', this.#namespaces, this.#namespaces]);
    this.#undo('umount', '-l', this.#namespaces);
    await run('mount', ['--make-private', this.#namespaces]);
    await run('ip', ['link', 'add', this.#bridge, 'type', 'bridge']);
    this.#undo('ip', 'link', 'delete', this.#bridge);
    await run('ip', ['address', 'add', `${this.gateway}/24`, 'dev', this.#bridge]);
    await run('ip', ['link', 'set', this.#bridge, 'up']);
  }

  async addHost(): Promise<TestHost> {
    const index = this.#hosts.length;
    const netns = `gtn${this.#mark}-${index}`;
    const host = { netns, address: `${this.#prefix}.${10 + index}`, mounts: join(this.#namespaces, netns) };
    await run('ip', ['netns', 'add', host.netns]);
    this.#undo('ip', 'netns', 'delete', host.netns);
    this.#hosts.push(host);
    await run('ip', ['link', 'add', this.#cable(index), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.netns]);
    await run('ip', ['link', 'set', this.#cable(index), 'master', this.#bridge, 'up']);
    await run('ip', ['-n', host.netns, 'address', 'add', `${host.address}/24`, 'dev', 'eth0']);
    for (const name of ['lo', 'eth0']) await run('ip', ['-n', host.netns, 'link', 'set', name, 'up']);
    await run('ip', ['-n', host.netns, 'route', 'add', 'default', 'via', this.gateway]);
    await writeFile(host.mounts, '');
    await run('nsenter', [`--net=/run/netns/${netns}`, 'unshare', `--mount=${host.mounts}`, '--propagation', 'slave', 'sh', '-c', mountSys]);
    this.#undo('umount', '-l', host.mounts);
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

  destroy(): Promise<void> {
    return this.#made.disposeAsync();
  }

  #undo(program: string, ...parameters: string[]): void {
    this.#made.defer(async () => void (await run(program, parameters)));
  }

  get #bridge(): string {
    return `gtb${this.#mark}`;
  }

  #cable(index: number): string {
    return `gtc${this.#mark}-${index}`;
  }
}
