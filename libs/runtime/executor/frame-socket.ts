import type { Socket } from 'node:net';
import { encodeFrame, type Frame, FrameDecoder, type FrameKind, frameKind, maxFramePayloadBytes } from '@gantry/contracts/executor';
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

  async send(kind: FrameKind, payload: Uint8Array): Promise<void> {
    for (let start = 0; start === 0 || start < payload.length; start += maxFramePayloadBytes) {
      await this.#write(encodeFrame(kind, payload.subarray(start, start + maxFramePayloadBytes)));
    }
  }

  sendJson(value: unknown): Promise<void> {
    return this.#write(encodeFrame(frameKind.json, Buffer.from(JSON.stringify(value))));
  }

  #write(bytes: Buffer): Promise<void> {
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
