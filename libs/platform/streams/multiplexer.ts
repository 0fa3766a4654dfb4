import { describeError, operational } from '@gantry/platform/errors';
import { LinkStream } from './link-stream.ts';
import type { AcceptorSignal, OpenerSignal, StreamCarrier, StreamLimits, StreamSignal } from './signal.ts';

const highestStreamId = 0xffffffff;

interface Opening {
  readonly stream: LinkStream;
  readonly opened: () => void;
}

/**
 * The opening end of a connection's streams: `open()` resolves once the peer has connected the stream to its target.
 * The owner feeds it what the connection receives and calls `close` when the connection is gone.
 */
export class StreamOpener {
  readonly #streams: StreamTable;
  readonly #carrier: StreamCarrier<OpenerSignal>;
  readonly #openings = new Map<number, Opening>();
  #lastId = 0;
  #closed: string | null = null;

  constructor(options: { carrier: StreamCarrier<OpenerSignal>; limits: StreamLimits }) {
    this.#carrier = options.carrier;
    this.#streams = new StreamTable(options);
  }

  get size(): number {
    return this.#streams.size;
  }

  async open(options: { target: 'engine'; signal?: AbortSignal }): Promise<LinkStream> {
    options.signal?.throwIfAborted();
    if (this.#closed !== null) throw operational('unavailable', `open a stream on a closed connection: ${this.#closed}`);
    const stream = this.#streams.add(this.#takeId());
    if (stream === null) throw operational('unavailable', `open a stream: ${this.#streams.size} are open already`);
    const { promise, resolve, reject } = Promise.withResolvers<LinkStream>();
    const abandon = () => stream.destroy(operational('cancelled', 'opening was cancelled'));
    this.#openings.set(stream.streamId, { stream, opened: () => resolve(stream) });
    stream.once('error', reject);
    stream.once('close', () => reject(operational('cancelled', `stream ${stream.streamId} was closed before it opened`)));
    options.signal?.addEventListener('abort', abandon, { once: true });
    try {
      this.#carrier.sendSignal({ type: 'stream.open', streamId: stream.streamId, target: options.target });
      return await promise;
    } finally {
      options.signal?.removeEventListener('abort', abandon);
      stream.off('error', reject);
      this.#openings.delete(stream.streamId);
    }
  }

  receiveBytes(streamId: number, payload: Buffer): void {
    this.#streams.receiveBytes(streamId, payload);
  }

  receiveSignal(signal: AcceptorSignal): void {
    if (signal.type === 'stream.opened') this.#openings.get(signal.streamId)?.opened();
    else this.#streams.receiveSignal(signal);
  }

  close(reason: string): void {
    this.#closed ??= reason;
    this.#streams.close(reason);
  }

  #takeId(): number {
    do this.#lastId = this.#lastId === highestStreamId ? 1 : this.#lastId + 1;
    while (this.#streams.has(this.#lastId));
    return this.#lastId;
  }
}

/**
 * The accepting end. `accept` connects a new stream to its target; the opener is told when it resolves, and the stream is reset
 * with the reason when it rejects. What the opener sent meanwhile waits in the stream.
 */
export class StreamAcceptor {
  readonly #streams: StreamTable;
  readonly #carrier: StreamCarrier<AcceptorSignal>;
  readonly #accept: (stream: LinkStream) => Promise<void>;

  constructor(options: {
    carrier: StreamCarrier<AcceptorSignal>;
    limits: StreamLimits;
    accept: (stream: LinkStream) => Promise<void>;
  }) {
    this.#carrier = options.carrier;
    this.#accept = options.accept;
    this.#streams = new StreamTable(options);
  }

  get size(): number {
    return this.#streams.size;
  }

  receiveBytes(streamId: number, payload: Buffer): void {
    this.#streams.receiveBytes(streamId, payload);
  }

  receiveSignal(signal: OpenerSignal): void {
    if (signal.type !== 'stream.open') {
      this.#streams.receiveSignal(signal);
      return;
    }
    const stream = this.#streams.add(signal.streamId);
    if (stream === null) {
      this.#carrier.sendSignal({ type: 'stream.reset', streamId: signal.streamId, reason: `not opened: ${this.#streams.size} streams are open already` });
      return;
    }
    this.#accept(stream).then(
      () => {
        if (!stream.destroyed) this.#carrier.sendSignal({ type: 'stream.opened', streamId: stream.streamId });
      },
      (error: unknown) => stream.destroy(operational('unavailable', describeError(error))),
    );
  }

  close(reason: string): void {
    this.#streams.close(reason);
  }
}

/** The open streams of one connection. Frames for a stream that is gone were under way when it ended; they are dropped. */
class StreamTable {
  readonly #streams = new Map<number, LinkStream>();
  readonly #carrier: StreamCarrier;
  readonly #limits: StreamLimits;

  constructor(options: { carrier: StreamCarrier; limits: StreamLimits }) {
    this.#carrier = options.carrier;
    this.#limits = options.limits;
  }

  get size(): number {
    return this.#streams.size;
  }

  has(streamId: number): boolean {
    return this.#streams.has(streamId);
  }

  /** Null when the table is full or the id is taken. */
  add(streamId: number): LinkStream | null {
    if (this.#streams.size >= this.#limits.maxStreams || this.#streams.has(streamId)) return null;
    const stream = new LinkStream({ streamId, carrier: this.#carrier, limits: this.#limits, forget: () => this.#streams.delete(streamId) });
    this.#streams.set(streamId, stream);
    return stream;
  }

  receiveBytes(streamId: number, payload: Buffer): void {
    this.#streams.get(streamId)?.receiveBytes(payload);
  }

  receiveSignal(signal: StreamSignal): void {
    this.#streams.get(signal.streamId)?.receiveSignal(signal);
  }

  /** The connection is gone, so there is nobody to send a reset to. */
  close(reason: string): void {
    for (const stream of [...this.#streams.values()]) stream.receiveSignal({ type: 'stream.reset', streamId: stream.streamId, reason });
  }
}
