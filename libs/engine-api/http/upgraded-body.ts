import type { IncomingMessage } from 'node:http';
import { type Duplex, Transform } from 'node:stream';
import { EngineError } from '../protocol/engine-error.ts';
import { BodyDecoder } from './body-decoder.ts';

/** The two parts of an upgraded request's byte stream: its body, then the hijacked input. */
export class UpgradedBody {
  readonly #socket: Duplex;
  readonly #decoder: BodyDecoder;

  constructor(request: IncomingMessage, socket: Duplex, head: Buffer) {
    this.#socket = socket;
    this.#decoder = new BodyDecoder(request.headers);
    if (head.length > 0) socket.unshift(head);
  }

  /** The whole body; what follows it stays in the socket. */
  async read(maxBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    while (!this.#decoder.isDone) {
      const chunk: unknown = this.#socket.read();
      if (!Buffer.isBuffer(chunk)) {
        if (this.#socket.readableEnded || this.#socket.destroyed) throw new EngineError(400, 'unexpected end of the request body');
        await this.#readable();
        continue;
      }
      const { body, rest } = this.#decoder.push(chunk);
      size += body.length;
      if (size > maxBytes) throw new EngineError(413, `request body is over ${maxBytes} bytes`);
      parts.push(body);
      if (rest !== null && rest.length > 0) this.#socket.unshift(rest);
    }
    return Buffer.concat(parts);
  }

  /** The hijacked input. A body nobody asked for is cut off as it arrives, so that no client has to finish it first. */
  input(): Duplex {
    if (this.#decoder.isDone) return this.#socket;
    const decoder = this.#decoder;
    const rest = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        if (decoder.isDone) return done(null, chunk);
        const decoded = decoder.push(chunk);
        return done(null, decoded.rest ?? undefined);
      },
    });
    this.#socket.once('error', (error) => rest.destroy(error));
    this.#socket.once('close', () => rest.destroy());
    return this.#socket.pipe(rest);
  }

  #readable(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const settle = () => {
      for (const event of ['readable', 'end', 'close', 'error']) this.#socket.off(event, settle);
      resolve();
    };
    for (const event of ['readable', 'end', 'close', 'error']) this.#socket.on(event, settle);
    return promise;
  }
}
