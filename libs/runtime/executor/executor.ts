import type { Readable, Writable } from 'node:stream';
import type { ExecutorOperation, ExecutorRequest, ExecutorResult, ExitStatus, ShimRequest } from '@gantry/contracts/executor';

/**
 * The native executor: one resident `gantry-executor serve` that this process starts, talks to over a socket, and starts again when it dies
 * (containers do not depend on it), and one shim per container that outlives both.
 */
export interface Executor {
  readonly hello: ExecutorResult<'hello'>;
  /** One request on the shared connection. A request under way when the executor dies fails with unavailable; it may have been carried out. */
  call<Op extends PlainOperation>(operation: Op, request: ExecutorRequest<Op>, options?: { signal?: AbortSignal }): Promise<ExecutorResult<Op>>;
  /** layer.unpack, on a connection of its own: of a file, or of bytes as they come. Resolves when they are through. */
  receiveLayer(
    source: string | AsyncIterable<Uint8Array>,
    request: Omit<ExecutorRequest<'layer.unpack'>, 'source'>,
    options?: { signal?: AbortSignal },
  ): Promise<ReceivedLayer>;
  /** gzip, zstd, bzip2 and xz; other bytes come out as they are. */
  decompress(source: Readable): Readable;
  readArchive(request: ExecutorRequest<'archive.read'>, options?: { signal?: AbortSignal }): Promise<{ stat: ExecutorResult<'archive.read'>; tar: Readable }>;
  writeArchive(tar: Readable, request: ExecutorRequest<'archive.write'>, options?: { signal?: AbortSignal }): Promise<ExecutorResult<'archive.write'>>;
  shim(containerId: string): Shim;
  /** Stops `serve`; containers and shims run on. */
  close(): Promise<void>;
}

export type PlainOperation = Exclude<ExecutorOperation, `archive.${string}` | 'layer.unpack' | 'layer.finish'>;

/** A layer all of whose bytes are there, and nothing yet that depends on the layers below. Ends with one of its methods, or with the signal. */
export type ReceivedLayer = ExecutorResult<'layer.unpack'> & {
  finish(request: ExecutorRequest<'layer.finish'>): Promise<ExecutorResult<'layer.finish'>>;
  /** Nothing is left of it. */
  abandon(): void;
};

/** A container's shim. Every method opens its own connection; not-found when there is no shim. */
export interface Shim {
  /** The created container's program runs when it resolves. */
  start(): Promise<{ pid: number; startedAt: string }>;
  attach(request: { processId: string; stdin: boolean; stdout: boolean; stderr: boolean }): Promise<ShimStream>;
  exec(request: Omit<Extract<ShimRequest, { op: 'exec' }>, 'op' | 'detach'>): Promise<ShimStream>;
  execDetached(request: Omit<Extract<ShimRequest, { op: 'exec' }>, 'op' | 'detach' | 'stdin'>): Promise<{ pid: number }>;
  /** Resolves when the process has ended; unavailable when the shim went away without saying. */
  wait(processId: string, options?: { signal?: AbortSignal }): Promise<ExitStatus>;
  resize(processId: string, size: { height: number; width: number }): Promise<void>;
  signal(processId: string, signal: number): Promise<void>;
}

export interface ShimOutput {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Buffer;
}

export interface ShimStream {
  readonly pid: number;
  /** Object mode, of ShimOutput. `exited` resolves when it has been read to its end. */
  readonly output: Readable & AsyncIterable<ShimOutput>;
  readonly input: Writable | null;
  readonly exited: Promise<ExitStatus | null>;
  close(): void;
}
