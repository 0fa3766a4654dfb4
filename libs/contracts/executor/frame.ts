/**
 * Framing shared by `gantry-executor serve` and the shims: u32 big-endian payload length, u8 kind, payload.
 * A payload is at most 1 MiB; a longer one is a protocol error and closes the connection.
 */
export const frameKind = { json: 0, stdout: 1, stderr: 2, stdin: 3 } as const;
export type FrameKind = (typeof frameKind)[keyof typeof frameKind];
export const frameHeaderBytes = 5;
export const maxFramePayloadBytes = 1 << 20;

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

function isFrameKind(value: number): value is FrameKind {
  return value >= frameKind.json && value <= frameKind.stdin;
}

/** For those who send the payload itself after it. */
export function encodeHeader(kind: FrameKind, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes);
  header.writeUInt32BE(payloadBytes, 0);
  header.writeUInt8(kind, 4);
  return header;
}

export function encodeFrame(kind: FrameKind, payload: Uint8Array): Buffer {
  if (payload.length > maxFramePayloadBytes) throw new RangeError(`frame payload of ${payload.length} bytes is over ${maxFramePayloadBytes}`);
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt8(kind, 4);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/** Cuts a byte stream into frames. Holds at most one incomplete frame, in the pieces it came in: a large one is put together once. */
export class FrameDecoder {
  #pieces: Buffer[] = [];
  #size = 0;
  /** How many bytes it takes to go on. */
  #wanted = frameHeaderBytes;

  *push(chunk: Buffer): Generator<Frame> {
    this.#size += chunk.length;
    if (this.#size < this.#wanted) {
      this.#pieces.push(Buffer.from(chunk));
      return;
    }
    let buffer = this.#pieces.length === 0 ? chunk : Buffer.concat([...this.#pieces, chunk]);
    for (;;) {
      this.#wanted = frameHeaderBytes + (buffer.length < frameHeaderBytes ? 0 : readLength(buffer));
      if (buffer.length < this.#wanted) break;
      yield { kind: readKind(buffer), payload: buffer.subarray(frameHeaderBytes, this.#wanted) };
      buffer = buffer.subarray(this.#wanted);
    }
    this.#pieces = [Buffer.from(buffer)];
    this.#size = buffer.length;
  }
}

function readLength(frame: Buffer): number {
  const length = frame.readUInt32BE(0);
  if (length > maxFramePayloadBytes) throw new RangeError(`frame payload of ${length} bytes is over ${maxFramePayloadBytes}`);
  readKind(frame);
  return length;
}

function readKind(frame: Buffer): FrameKind {
  const kind = frame.readUInt8(4);
  if (!isFrameKind(kind)) throw new RangeError(`unknown frame kind ${kind}`);
  return kind;
}
