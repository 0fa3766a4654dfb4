import type { Readable, Writable } from 'node:stream';
import type { ExitStatus } from '@gantry/contracts/executor';

/**
 * A process' input and output, from the shim. Backpressure holds end to end: what is not read is not read from the process.
 * Closing it leaves the process alone.
 */
export interface ProcessStream {
  /** Object mode. With a terminal all of it is stdout. Ends when the process has ended and all was read, or when closed. */
  readonly output: Readable & AsyncIterable<OutputChunk>;
  /** End it to give the process end of input (where the spec allows). Null when input was not asked for. */
  readonly input: Writable | null;
  /** Resolves after the last output; null when closed before. */
  readonly exited: Promise<ExitStatus | null>;
  close(): void;
}

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Buffer;
}
