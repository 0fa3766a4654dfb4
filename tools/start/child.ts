import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { environment } from '../process/paths.ts';
import { identify, type ProcessIdentity, signalProcess } from '../process/process-identity.ts';
import { Advice } from '../process/report.ts';
import { LogFile } from './log-file.ts';

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly stopSignal?: NodeJS.Signals;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const stopTimeoutMs = 15_000;

/** One process of ours: its log in <data-dir>/logs, its identity in <data-dir>/run for whoever must clean up if we are killed. */
export class Child {
  readonly name: string;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #identity: ProcessIdentity | null;
  readonly #log: LogFile;
  readonly #pidFile: string;
  readonly #stopSignal: NodeJS.Signals;
  #exit: Exit | null = null;
  #stopped: Promise<void> | null = null;

  private constructor(spec: ChildSpec, child: ChildProcess, parts: { identity: ProcessIdentity | null; log: LogFile; pidFile: string; exited: Promise<Exit> }) {
    this.name = spec.name;
    this.#process = child;
    this.#identity = parts.identity;
    this.#log = parts.log;
    this.#pidFile = parts.pidFile;
    this.#stopSignal = spec.stopSignal ?? 'SIGTERM';
    this.exited = parts.exited.then((exit) => {
      this.#exit = exit;
      return exit;
    });
  }

  /** In a session of its own: Ctrl-C in the terminal reaches us alone, and we stop the children in order. */
  static async start(spec: ChildSpec, dataDir: string): Promise<Child> {
    await mkdir(join(dataDir, 'logs'), { recursive: true, mode: 0o750 });
    await mkdir(join(dataDir, 'run'), { recursive: true, mode: 0o755 });
    const log = new LogFile(join(dataDir, 'logs', `${spec.name}.log`));
    const child = spawn(spec.command, spec.args, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: environment(spec.env),
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.gid === undefined ? {} : { gid: spec.gid }),
    });
    const exited = new Promise<Exit>((resolve) => {
      child.on('error', (error) => {
        process.stderr.write(`${spec.name}: ${error.message}\n`);
        resolve({ code: 127, signal: null });
      });
      child.on('exit', (code, signal) => resolve({ code, signal }));
    });
    const identity = child.pid === undefined ? null : await identify(child.pid);
    const pidFile = join(dataDir, 'run', `${spec.name}.pid`);
    if (identity) await writeFile(pidFile, JSON.stringify(identity));
    return new Child(spec, child, { identity, log, pidFile, exited });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Why it is not running, with its last words. */
  describeExit(exit: Exit): string {
    const how = exit.signal === null ? `exit code ${exit.code}` : exit.signal;
    return `${this.name} ended (${how}). The last lines of ${this.#log.path}:\n\n${this.#log.lastLines(25)}`;
  }

  /** Polls until `isReady`, the child's end, or the limit. */
  async untilReady(isReady: () => Promise<boolean>, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await isReady())) {
      signal.throwIfAborted();
      if (this.#exit) throw new Advice(this.describeExit(this.#exit));
      if (performance.now() > deadline)
        throw new Advice(`${this.name} did not get ready within ${timeoutMs / 1000} s. The last lines of ${this.#log.path}:\n\n${this.#log.lastLines(25)}`);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (this.#exit === null && this.#identity !== null) {
      await signalProcess(this.#identity, this.#stopSignal);
      const tooLong = setTimeout(() => this.#process.kill('SIGKILL'), stopTimeoutMs);
      await this.exited;
      clearTimeout(tooLong);
    }
    await rm(this.#pidFile, { force: true });
    this.#log.close();
  }
}
