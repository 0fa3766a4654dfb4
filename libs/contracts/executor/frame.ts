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

/** Cuts a byte stream into frames. Holds at most one incomplete frame. */
export class FrameDecoder {
  #pending: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<Frame> {
    let buffer = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (buffer.length >= frameHeaderBytes) {
      const length = buffer.readUInt32BE(0);
      const kind = buffer.readUInt8(4);
      if (length > maxFramePayloadBytes) throw new RangeError(`frame payload of ${length} bytes is over ${maxFramePayloadBytes}`);
      if (!isFrameKind(kind)) throw new RangeError(`unknown frame kind ${kind}`);
      const end = frameHeaderBytes + length;
      if (buffer.length < end) break;
      yield { kind, payload: buffer.subarray(frameHeaderBytes, end) };
      buffer = buffer.subarray(end);
    }
    this.#pending = Buffer.from(buffer);
  }
}
