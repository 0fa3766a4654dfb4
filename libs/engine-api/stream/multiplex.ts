/** Docker's stdout/stderr multiplexing: u8 stream, three zero bytes, u32 big-endian length, payload. */
export const outputStream = { stdin: 0, stdout: 1, stderr: 2 } as const;
export type OutputStream = (typeof outputStream)[keyof typeof outputStream];
export const multiplexHeaderBytes = 8;
const maxPayloadBytes = 64 << 20;

export function multiplexHeader(stream: OutputStream, length: number): Buffer {
  const header = Buffer.alloc(multiplexHeaderBytes);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(length, 4);
  return header;
}

export function multiplex(stream: OutputStream, payload: Uint8Array): Buffer {
  return Buffer.concat([multiplexHeader(stream, payload.length), payload]);
}

export interface MultiplexedFrame {
  readonly stream: OutputStream;
  readonly payload: Buffer;
}

function isOutputStream(value: number): value is OutputStream {
  return value <= outputStream.stderr;
}

/** The reading end, for clients of another engine. Holds at most one incomplete frame. */
export class MultiplexDecoder {
  #pending: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<MultiplexedFrame> {
    let buffer = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (buffer.length >= multiplexHeaderBytes) {
      const stream = buffer.readUInt8(0);
      const length = buffer.readUInt32BE(4);
      if (!isOutputStream(stream)) throw new RangeError(`unknown output stream ${stream}`);
      if (length > maxPayloadBytes) throw new RangeError(`output frame of ${length} bytes is over ${maxPayloadBytes}`);
      const end = multiplexHeaderBytes + length;
      if (buffer.length < end) break;
      yield { stream, payload: buffer.subarray(multiplexHeaderBytes, end) };
      buffer = buffer.subarray(end);
    }
    this.#pending = Buffer.from(buffer);
  }
}
