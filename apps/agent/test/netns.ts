import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface TestHost {
  readonly netns: string;
  readonly address: string;
}

/**
 * Several hosts' networks on one machine: a network namespace each, plugged into one bridge, on which this process (the control plane's
 * part) has the address `gateway`. Cables can be pulled.
 */
export class TestNetwork {
  readonly gateway: string;
  readonly #mark = randomBytes(3).toString('hex');
  readonly #prefix: string;
  readonly #hosts: TestHost[] = [];

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.gateway = `${prefix}.1`;
  }

  async create(): Promise<void> {
    await run('ip', ['link', 'add', this.#bridge, 'type', 'bridge']);
    await run('ip', ['address', 'add', `${this.gateway}/24`, 'dev', this.#bridge]);
    await run('ip', ['link', 'set', this.#bridge, 'up']);
  }

  async addHost(): Promise<TestHost> {
    const index = this.#hosts.length;
    const host = { netns: `gtn${this.#mark}-${index}`, address: `${this.#prefix}.${10 + index}` };
    await run('ip', ['netns', 'add', host.netns]);
    this.#hosts.push(host);
    await run('ip', ['link', 'add', this.#cable(index), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.netns]);
    await run('ip', ['link', 'set', this.#cable(index), 'master', this.#bridge, 'up']);
    await run('ip', ['-n', host.netns, 'address', 'add', `${host.address}/24`, 'dev', 'eth0']);
    for (const name of ['lo', 'eth0']) await run('ip', ['-n', host.netns, 'link', 'set', name, 'up']);
    await run('ip', ['-n', host.netns, 'route', 'add', 'default', 'via', this.gateway]);
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
    return (await run('nsenter', [`--net=/run/netns/${host.netns}`, program, ...parameters])).stdout;
  }

  async destroy(): Promise<void> {
    for (const { netns } of this.#hosts) await run('ip', ['netns', 'delete', netns]);
    await run('ip', ['link', 'delete', this.#bridge]);
  }

  get #bridge(): string {
    return `gtb${this.#mark}`;
  }

  #cable(index: number): string {
    return `gtc${this.#mark}-${index}`;
  }
}
