import { Duplex } from 'node:stream';
import { operational } from '@gantry/platform/errors';
import type { StreamCarrier, StreamLimits, StreamSignal } from './signal.ts';

type Done = (error?: Error | null) => void;

/**
 * One stream over a shared connection, as an ordinary Duplex. It stalls alone: its writer waits when the peer's reader is behind
 * (credit), and holds at most one credit window of unread bytes, so neither blocks the connection nor grows.
 * `end()` half-closes; `destroy()` before both directions have ended resets the stream at the peer.
 */
export class LinkStream extends Duplex {
  readonly streamId: number;
  readonly #carrier: StreamCarrier;
  readonly #limits: StreamLimits;
  readonly #forget: () => void;

  /** What may still be sent. */
  #credit: number;
  #writing: { readonly bytes: Buffer; offset: number; readonly done: Done } | null = null;
  #isSending = false;
  #hasEnded = false;

  /** What the peer may still send. */
  #window: number;
  readonly #unread: Buffer[] = [];
  /** Read here but not yet given back to the peer as credit. */
  #owedBytes = 0;
  #isWanted = false;
  #hasPeerEnded = false;
  /** All the peer ever sent has been handed to the reader. */
  #isDrained = false;
  #isResetByPeer = false;

  constructor(options: { streamId: number; carrier: StreamCarrier; limits: StreamLimits; forget: () => void }) {
    const { maxChunkBytes } = options.limits;
    super({ allowHalfOpen: true, readableHighWaterMark: maxChunkBytes, writableHighWaterMark: maxChunkBytes });
    this.streamId = options.streamId;
    this.#carrier = options.carrier;
    this.#limits = options.limits;
    this.#forget = options.forget;
    this.#credit = options.limits.initialCreditBytes;
    this.#window = options.limits.initialCreditBytes;
    // Whoever uses the stream listens for its own sake; a reset of an abandoned stream must not end the process.
    this.on('error', () => undefined);
  }

  receiveBytes(payload: Buffer): void {
    if (this.destroyed || payload.length === 0) return;
    if (this.#hasPeerEnded) {
      this.destroy(operational('failed', `stream ${this.streamId} received bytes after its end`));
      return;
    }
    if (payload.length > this.#window) {
      this.destroy(operational('failed', `stream ${this.streamId} received ${payload.length} bytes with credit for ${this.#window}`));
      return;
    }
    this.#window -= payload.length;
    this.#unread.push(payload);
    this.#deliver();
  }

  receiveSignal(signal: StreamSignal): void {
    if (this.destroyed) return;
    switch (signal.type) {
      case 'stream.credit':
        // A peer never owes more than the whole window, whatever it says.
        this.#credit = Math.min(this.#credit + signal.bytes, this.#limits.initialCreditBytes);
        this.#pump();
        return;
      case 'stream.end':
        this.#hasPeerEnded = true;
        this.#deliver();
        return;
      case 'stream.reset':
        this.#isResetByPeer = true;
        this.destroy(operational('cancelled', `stream ${this.streamId} was reset by its peer: ${signal.reason}`));
        return;
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#writing = { bytes: chunk, offset: 0, done };
    this.#pump();
  }

  /** Small writes that piled up travel as one frame. */
  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', done);
  }

  override _final(done: Done): void {
    this.#hasEnded = true;
    this.#carrier.sendSignal({ type: 'stream.end', streamId: this.streamId });
    done();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#deliver();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#forget();
    const isOver = this.#isResetByPeer || (this.#hasEnded && this.#hasPeerEnded);
    if (!isOver) this.#carrier.sendSignal({ type: 'stream.reset', streamId: this.streamId, reason: error?.message ?? 'closed' });
    this.#unread.length = 0;
    const writing = this.#writing;
    this.#writing = null;
    writing?.done(error ?? operational('cancelled', `stream ${this.streamId} was closed`));
    done(error);
  }

  #pump(): void {
    const writing = this.#writing;
    if (writing === null || this.#isSending) return;
    const remaining = writing.bytes.length - writing.offset;
    if (remaining === 0) {
      this.#writing = null;
      writing.done();
      return;
    }
    const length = Math.min(remaining, this.#credit, this.#limits.maxChunkBytes);
    if (length === 0) return;
    const payload = writing.bytes.subarray(writing.offset, writing.offset + length);
    writing.offset += length;
    this.#credit -= length;
    this.#isSending = true;
    this.#carrier.sendBytes(this.streamId, payload, () => {
      this.#isSending = false;
      this.#pump();
    });
  }

  #deliver(): void {
    while (this.#isWanted) {
      const payload = this.#unread.shift();
      if (payload === undefined) break;
      this.#owedBytes += payload.length;
      this.#isWanted = false;
      // push() may call _read() before it returns: then more is wanted whatever it answers.
      if (this.push(payload)) this.#isWanted = true;
    }
    if (this.destroyed) return;
    if (this.#hasPeerEnded) {
      if (this.#unread.length === 0 && !this.#isDrained) {
        this.#isDrained = true;
        this.push(null);
      }
    } else if (this.#owedBytes >= this.#limits.initialCreditBytes / 4) {
      const bytes = this.#owedBytes;
      this.#owedBytes = 0;
      this.#window += bytes;
      this.#carrier.sendSignal({ type: 'stream.credit', streamId: this.streamId, bytes });
    }
  }
}
