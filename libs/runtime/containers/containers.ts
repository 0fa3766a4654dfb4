import type { Readable } from 'node:stream';
import type { PathStat } from '@gantry/contracts/executor';
import type { Image, ImageProcessConfig } from '@gantry/runtime/images';
import type { Container, ContainerUsage } from './container.ts';
import type { OutputChunk, ProcessStream } from './process-stream.ts';
import type { ContainerSpec, ContainerSpecInput, EndpointSpec, Resources, RestartPolicy } from './spec.ts';

/**
 * Containers, from create to removal.
 *
 *   create → created ──start──▶ running ⇄ paused
 *               ▲                 │ process ends        ┌─ policy ─▶ restarting ──▶ running
 *               └── start ── exited ◀───────────────────┘
 *   remove: any but running (with force: any) → removing → gone
 *
 * A record is on disk before a call that made or changed it returns. Operations on one container queue behind each other; on different
 * containers they run at once. Events come in Docker's order. `container` arguments are an id, a unique prefix of one, or a name.
 * Errors: not-found `no such container: x`, conflict, wrong-state, not-modified (start of a running one, stop of a stopped one), invalid.
 */
export interface Containers {
  list(): Container[];
  get(container: string): Container;
  find(container: string): Container | undefined;
  create(request: CreateRequest): Promise<{ container: Container; warnings: string[] }>;
  /** A failure leaves it created or exited with exit code 127, 126 or 128 and `state.error`. */
  start(container: string): Promise<void>;
  stop(container: string, options?: { timeoutSeconds?: number; signal?: string }): Promise<void>;
  /** Signal by name or number; '' is SIGKILL. */
  kill(container: string, signal?: string): Promise<void>;
  restart(container: string, options?: { timeoutSeconds?: number; signal?: string }): Promise<void>;
  pause(container: string): Promise<void>;
  unpause(container: string): Promise<void>;
  rename(container: string, name: string): Promise<void>;
  update(container: string, changes: { resources?: Partial<Resources>; restartPolicy?: RestartPolicy }): Promise<{ warnings: string[] }>;
  remove(container: string, options?: { force?: boolean; removeVolumes?: boolean }): Promise<void>;
  prune(options?: { matches?: (container: Container) => boolean }): Promise<{ removed: string[]; reclaimedBytes: number }>;
  /**
   * Armed before it returns: nothing that happens after the call is missed. `removed` resolves with the exit code after the container is gone.
   * Rejects with not-found when there is no such container now.
   */
  wait(container: string, condition?: WaitCondition, options?: { signal?: AbortSignal }): Promise<WaitResult>;

  /** Before start it waits for the start and misses nothing of it. */
  attach(container: string, request: AttachRequest): Promise<ProcessStream>;
  resize(container: string, size: TerminalSize): Promise<void>;
  /** Reads over rotated files; with `follow` until the container ends or the signal fires. */
  logs(container: string, request: LogRequest): AsyncIterable<LogEntry>;

  execCreate(container: string, spec: ExecSpec): Promise<string>;
  /** Null when detached. */
  execStart(execId: string, options: { detach: boolean; consoleSize?: TerminalSize }): Promise<ProcessStream | null>;
  execResize(execId: string, size: TerminalSize): Promise<void>;
  execGet(execId: string): Exec;

  stats(container: string): Promise<ContainerUsage>;
  /** `psArguments` as for ps(1); `-ef` when empty. */
  top(container: string, psArguments?: string): Promise<{ titles: string[]; processes: string[][] }>;
  changes(container: string): Promise<{ path: string; kind: 0 | 1 | 2 }[]>;
  /** Bytes in the writable layer. */
  usage(container: string): Promise<number>;
  statPath(container: string, path: string): Promise<PathStat>;
  readArchive(container: string, path: string): Promise<{ stat: PathStat; tar: Readable }>;
  writeArchive(container: string, path: string, tar: Readable, options: { noOverwriteDirNonDir: boolean; keepOwner: boolean }): Promise<void>;
  export(container: string): Promise<Readable>;
  commit(container: string, request: CommitRequest): Promise<Image>;

  connect(container: string, network: string, endpoint?: Partial<EndpointSpec>): Promise<void>;
  disconnect(container: string, network: string, options?: { force?: boolean }): Promise<void>;
}

export interface CreateRequest {
  /** Without it a name is made up. */
  readonly name?: string;
  readonly spec: ContainerSpec | ContainerSpecInput;
  /** 64 hexadecimal digits; made up when not given. A second create with a known id is a conflict. */
  readonly id?: string;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface WaitResult {
  readonly exitCode: number;
  /** Why it never ran; null when it did. */
  readonly error: string | null;
}

export interface AttachRequest {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly signal?: AbortSignal;
}

export interface TerminalSize {
  readonly height: number;
  readonly width: number;
}

export interface LogRequest {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Nanoseconds since 1970, both inclusive. */
  readonly since?: bigint;
  readonly until?: bigint;
  /** Lines from the end; all when not given. */
  readonly tail?: number;
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface LogEntry extends OutputChunk {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
}

export interface ExecSpec {
  readonly cmd: readonly string[];
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly tty?: boolean;
  readonly attachStdin?: boolean;
  readonly attachStdout?: boolean;
  readonly attachStderr?: boolean;
  readonly privileged?: boolean;
  readonly consoleSize?: TerminalSize;
  readonly detachKeys?: string;
}

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  /** Not started: neither running nor an exit code. */
  readonly isRunning: boolean;
  readonly exitCode: number | null;
  readonly pid: number;
}

export interface CommitRequest {
  readonly reference: string | null;
  readonly comment?: string;
  readonly author?: string;
  /** Pause while copying; true unless told. */
  readonly pause?: boolean;
  /** Replaces fields of the container's own config. */
  readonly config?: ImageProcessConfig;
  /** `Dockerfile` instructions (`CMD …`, `ENV …`), parsed by the caller into config; only recorded in the history. */
  readonly changes?: readonly string[];
}
