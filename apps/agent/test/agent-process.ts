import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { busyboxArchive } from '@gantry/testing/images';
import { instanceOf, leftoversOf, type Names, sweep } from '../../../tools/product/leftovers.ts';
import { onHost, type TestHost } from './netns.ts';

const source = join(import.meta.dirname, '..');
const executors = ['release', 'debug'].map((profile) => join(source, `executor/target/${profile}/gantry-executor`));

export function builtExecutor(): string {
  const executor = executors.find((path) => existsSync(path));
  if (executor === undefined) throw new Error(`the executor is not built: ${executors.join(' or ')}`);
  return executor;
}

export interface AgentProcessOptions {
  /** Second octet of its subnet, 10.N.0.0/24: agents that share a network namespace must differ. */
  readonly octet: number;
  /** Of that subnet; 24 unless told. */
  readonly prefixLength?: number;
  readonly serverUrl?: string;
  readonly joinToken?: string;
  readonly nodeName?: string;
  /** The program as it is delivered, rather than the sources. */
  readonly isBuilt?: boolean;
  /** More of its settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs; this very host unless told. */
  readonly host?: TestHost;
}

/** A real agent in a process of its own, whose every trace on the host has a name of its own. */
export class AgentProcess {
  readonly dataDir: string;
  readonly engineSocket: string;
  readonly names: Names;
  readonly #options: AgentProcessOptions;
  readonly #subnet: string;
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(root: string, options: AgentProcessOptions) {
    const mark = randomBytes(3).toString('hex');
    this.#options = options;
    this.#subnet = `10.${options.octet}.0.0/${options.prefixLength ?? 24}`;
    this.dataDir = join(root, 'agent');
    this.engineSocket = join(root, 'engine.sock');
    this.names = { dataDir: root, bridge: `gt${mark}`, cgroupParent: `gantry-test-${mark}`, instances: [instanceOf(this.dataDir)] };
  }

  static async create(options: AgentProcessOptions): Promise<AgentProcess> {
    return new AgentProcess(await mkdtemp(join(tmpdir(), 'agent-')), options);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** What it wrote so far, for the message of a test that fails. */
  get output(): string {
    return this.#output;
  }

  /** How it is run, with some of its environment changed. */
  invocation(changes: Record<string, string> = {}): { command: string[]; env: Record<string, string> } {
    const { serverUrl = '', joinToken = '', nodeName = 'test-node', isBuilt = false, host, env } = this.#options;
    return {
      command: [...(host === undefined ? [] : onHost(host)), process.execPath, join(source, isBuilt ? 'dist/main.js' : 'src/main.ts')],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        GANTRY_SERVER_URL: serverUrl,
        GANTRY_JOIN_TOKEN: joinToken,
        GANTRY_NODE_NAME: nodeName,
        GANTRY_DATA_DIR: this.dataDir,
        GANTRY_ENGINE_SOCKET: this.engineSocket,
        GANTRY_BRIDGE: this.names.bridge,
        GANTRY_SUBNET: this.#subnet,
        GANTRY_CGROUP_PARENT: this.names.cgroupParent,
        GANTRY_EXECUTOR: builtExecutor(),
        ...env,
        ...changes,
      },
    };
  }

  /** Starts the agent on the same data as before and waits for its engine to answer. */
  async start(): Promise<void> {
    const { command, env } = this.invocation();
    const [program = '', ...parameters] = command;
    const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-64_000);
      });
    }
    while (!(await this.#answers())) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the agent ended (${child.exitCode ?? child.signalCode}):\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends it by the signal and waits until it is gone; the exit code, or null when the signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.once('exit', resolve);
    child.kill(signal);
    return promise;
  }

  /** One call to its Docker Engine API; the answer's JSON. */
  async engine(method: string, path: string, body?: { type: string; bytes: Buffer }): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const headers = body === undefined ? {} : { 'content-type': body.type, 'content-length': body.bytes.length };
    const outgoing = request({ socketPath: this.engineSocket, method, path, headers, agent: false }, (response) => {
      text(response).then((answer) => {
        const status = response.statusCode ?? 0;
        if (status >= 400) reject(new Error(`${method} ${path}: ${status} ${answer}`));
        else resolve(response.headers['content-type']?.includes('json') && answer !== '' ? lastJson(answer) : answer);
      }, reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body?.bytes);
    return promise;
  }

  async loadBusybox(reference: string, cmd: readonly string[]): Promise<void> {
    await this.engine('POST', '/images/load', { type: 'application/x-tar', bytes: await busyboxArchive({ reference, cmd }) });
  }

  async pidOf(containerId: string): Promise<number> {
    const answer = await this.engine('GET', `/containers/${containerId}/json`);
    return (answer as { State: { Pid: number } }).State.Pid; // the Engine API's documented shape
  }

  async containerIds(): Promise<string[]> {
    const answer = await this.engine('GET', '/containers/json?all=1');
    return (answer as { Id: string }[]).map(({ Id }) => Id); // the Engine API's documented shape
  }

  async runningContainerIds(): Promise<string[]> {
    const answer = await this.engine('GET', '/containers/json');
    return (answer as { Id: string }[]).map(({ Id }) => Id); // the Engine API's documented shape
  }

  /** What an agent without containers left on the host after it ended. */
  leftovers(): Promise<string[]> {
    return leftoversOf(this.names);
  }

  /** Whatever state the test left things in: nothing of this agent stays on the host. */
  async destroy(): Promise<void> {
    await this.end('SIGKILL');
    const left = await sweep(this.names);
    await rm(this.names.dataDir, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`the agent left behind: ${left.join(', ')}`);
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.engine('GET', '/_ping')) === 'OK';
    } catch {
      // Not listening yet.
      return false;
    }
  }
}

/** Load answers with a JSON message a line. */
function lastJson(answer: string): unknown {
  return JSON.parse(answer.trim().split('\n').at(-1) ?? 'null');
}
