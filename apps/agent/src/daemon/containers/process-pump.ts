import type { Readable, Writable } from 'node:stream';
import { DetachWatcher, multiplexHeader, outputStream } from '@gantry/engine-api/stream';
import type { OutputChunk, ProcessStream } from '@gantry/runtime/containers';

const outputLingerMs = 10_000;

/** Waits while the client reads slower than the process writes. */
export async function drained(output: Writable): Promise<void> {
  if (!output.writableNeedDrain || output.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  output.once('drain', resolve).once('close', resolve);
  await promise;
  output.off('drain', resolve).off('close', resolve);
}

export async function writeChunk(output: Writable, chunk: OutputChunk, isMultiplexed: boolean): Promise<void> {
  if (isMultiplexed) {
    output.cork();
    output.write(multiplexHeader(outputStream[chunk.stream], chunk.bytes.length));
    output.write(chunk.bytes);
    output.uncork();
  } else output.write(chunk.bytes);
  await drained(output);
}

const batchBytes = 64 << 10;

/** Output in many small pieces, such as lines, written together: at once when nothing more comes at once, else a batch at a time. */
export class OutputBatch {
  readonly #output: Writable;
  readonly #isMultiplexed: boolean;
  #parts: Buffer[] = [];
  #size = 0;
  #isScheduled = false;

  constructor(output: Writable, isMultiplexed: boolean) {
    this.#output = output;
    this.#isMultiplexed = isMultiplexed;
  }

  /** Waits while the client reads slower than this is called. */
  async add(chunk: OutputChunk): Promise<void> {
    if (this.#isMultiplexed) this.#parts.push(multiplexHeader(outputStream[chunk.stream], chunk.bytes.length));
    this.#parts.push(chunk.bytes);
    this.#size += chunk.bytes.length;
    if (this.#size >= batchBytes) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => this.flush());
    }
    if (this.#output.writableNeedDrain) await drained(this.#output);
  }

  flush(): void {
    this.#isScheduled = false;
    if (this.#parts.length > 0 && !this.#output.destroyed) this.#output.write(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#size = 0;
  }
}

/** Ends a hijacked connection: everything written reaches the client before it is closed, and a client that never closes is let go. */
export function endHijacked(input: Readable, output: Writable): void {
  output.end();
  input.resume();
  const giveUp = setTimeout(() => output.destroy(), outputLingerMs);
  giveUp.unref();
  input.once('end', () => output.destroy());
  output.once('close', () => clearTimeout(giveUp));
}

export interface PumpOptions {
  readonly process: ProcessStream;
  readonly input: Readable;
  readonly output: Writable;
  readonly isMultiplexed: boolean;
  /** Of a terminal; null without one. */
  readonly detachKeys: Buffer | null;
  readonly signal: AbortSignal;
}

async function pumpInput({ process, input, detachKeys }: PumpOptions, detach: () => void): Promise<void> {
  const target = process.input;
  if (target === null) {
    input.resume();
    return;
  }
  const watcher = detachKeys === null ? null : new DetachWatcher(detachKeys);
  // The end of the input is not the end of the connection: the output still goes out on it.
  for await (const chunk of input.iterator({ destroyOnReturn: false })) {
    const bytes: Buffer = chunk;
    const { pass, detached } = watcher === null ? { pass: bytes, detached: false } : watcher.push(bytes);
    if (pass.length > 0) target.write(pass);
    if (detached) {
      detach();
      return;
    }
    await drained(target);
    if (target.destroyed) return;
  }
  target.end();
}

/** Carries bytes between a client and a process until the process ends, the client detaches or it is gone. */
export async function pumpProcess(options: PumpOptions): Promise<'ended' | 'detached'> {
  const { process, output, isMultiplexed, signal } = options;
  let isDetached = false;
  const detach = () => {
    isDetached = true;
    process.close();
  };
  const abandon = () => process.close();
  signal.addEventListener('abort', abandon, { once: true });
  // The input ends with the connection; what goes wrong on it shows as the output's end.
  const inputDone = pumpInput(options, detach).catch((error: unknown) => {
    if (!signal.aborted && !(error instanceof Error)) throw error;
  });
  try {
    for await (const chunk of process.output) {
      if (output.destroyed) break;
      await writeChunk(output, chunk, isMultiplexed);
    }
    await process.exited;
  } finally {
    signal.removeEventListener('abort', abandon);
    process.close();
    endHijacked(options.input, output);
  }
  await Promise.race([inputDone, process.exited]);
  return isDetached ? 'detached' : 'ended';
}
