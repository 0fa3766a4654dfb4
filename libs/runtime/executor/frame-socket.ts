import type { Socket } from 'node:net';
import { encodeFrame, encodeHeader, type Frame, FrameDecoder, type FrameKind, frameKind, maxFramePayloadBytes } from '@gantry/contracts/executor';
import { operational } from '@gantry/platform/errors';

/** One connection to the executor or a shim, as frames, with backpressure both ways. */
export class FrameSocket {
  readonly #socket: Socket;
  readonly #frames: AsyncGenerator<Frame>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#frames = decode(socket);
  }

  /** Undefined at the end of the stream. */
  async next(): Promise<Frame | undefined> {
    const result = await this.#frames.next();
    return result.done === true ? undefined : result.value;
  }

  async nextJson(): Promise<unknown> {
    const frame = await this.next();
    if (frame === undefined) throw operational('unavailable', 'the executor closed the connection without an answer');
    if (frame.kind !== frameKind.json) throw operational('failed', `expected a JSON frame, got kind ${frame.kind}`);
    return JSON.parse(frame.payload.toString('utf8'));
  }

  /** In the order of the calls, also of those that do not wait for each other. */
  async send(kind: FrameKind, payload: Uint8Array): Promise<void> {
    const written: Promise<void>[] = [];
    for (let start = 0; start === 0 || start < payload.length; start += maxFramePayloadBytes) {
      written.push(this.#writeFrame(kind, payload.subarray(start, start + maxFramePayloadBytes)));
    }
    await Promise.all(written);
  }

  sendJson(value: unknown): Promise<void> {
    return this.#write(encodeFrame(frameKind.json, Buffer.from(JSON.stringify(value))));
  }

  /** Without copying the payload to its header. */
  #writeFrame(kind: FrameKind, payload: Uint8Array): Promise<void> {
    if (payload.length === 0) return this.#write(encodeFrame(kind, payload));
    this.#socket.cork();
    this.#socket.write(encodeHeader(kind, payload.length));
    const written = this.#write(payload);
    this.#socket.uncork();
    return written;
  }

  #write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    return promise;
  }

  destroy(error?: Error): void {
    this.#socket.destroy(error);
  }
}

async function* decode(socket: Socket): AsyncGenerator<Frame> {
  const decoder = new FrameDecoder();
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) yield* decoder.push(chunk);
}
