import type { Writable } from 'node:stream';
import type { Exchange } from '@gantry/engine-api/http';
import { describeSize, toEngineError } from '@gantry/engine-api/protocol';
import { encodeProgress, type ProgressMessage, progressBar, toErrorMessage } from '@gantry/engine-api/stream';
import type { LayerProgress } from '@gantry/runtime/images';
import { drained } from '../containers/process-pump.ts';

/**
 * A progress stream whose headers go out with its first line: a failure before that is an ordinary error, one after it the last
 * line of a stream that ends cleanly.
 */
export class ProgressStream {
  readonly #exchange: Exchange;
  #body: Writable | null = null;
  #announced: ProgressMessage | null = null;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Sent with the line that follows it, so that a failure before any progress still has its status. */
  announce(message: ProgressMessage): void {
    this.#announced = message;
  }

  write(message: ProgressMessage): void {
    this.#open().write(encodeProgress(message));
  }

  /** Waits while the client reads slower than this is written. */
  async drained(): Promise<void> {
    if (this.#body !== null) await drained(this.#body);
  }

  layer(progress: LayerProgress): void {
    const { id, status, current, total } = progress;
    // The next one says more: a client that does not keep up misses nothing.
    if (current !== undefined && this.#body?.writableNeedDrain === true) return;
    if (current === undefined || total === undefined) this.write({ status, progressDetail: {}, id });
    else this.write({ status, progressDetail: { current, total }, progress: progressBar(current, total, describeSize), id });
  }

  /** `last` is for a failure that has more to say than its message. */
  end(last?: ProgressMessage): void {
    this.#open().end(last === undefined ? undefined : encodeProgress(last));
  }

  #open(): Writable {
    this.#body ??= this.#exchange.startStream('application/json');
    if (this.#announced !== null) this.#body.write(encodeProgress(this.#announced));
    this.#announced = null;
    return this.#body;
  }

  fail(error: unknown): void {
    if (this.#body === null) throw toEngineError(error);
    this.#body.end(encodeProgress(toErrorMessage(error)));
  }
}

/** Runs `work` and ends the stream, well or badly. */
export async function withProgress(exchange: Exchange, work: (progress: ProgressStream) => Promise<void>): Promise<void> {
  const progress = new ProgressStream(exchange);
  try {
    await work(progress);
    progress.end();
  } catch (error) {
    progress.fail(error);
  }
}
