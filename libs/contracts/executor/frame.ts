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

/**
 * Cuts a byte stream into frames. JSON comes out whole: at most one incomplete message is held. Bytes come out as they come in, a frame of
 * them in several parts if it arrives so, none of them empty: where a stream of bytes is cut means nothing, and putting it together costs
 * two copies of it.
 */
export class FrameDecoder {
  /** Of the header or the message that is arriving. */
  #pieces: Buffer[] = [];
  #size = 0;
  #wanted = frameHeaderBytes;
  /** Of the frame whose payload is arriving; null before its header is complete. */
  #kind: FrameKind | null = null;

  *push(chunk: Buffer): Generator<Frame> {
    let rest = chunk;
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#wanted - this.#size);
      rest = rest.subarray(part.length);
      const isPart = this.#kind !== null && this.#kind !== frameKind.json;
      if (isPart) yield* this.#passOn(part);
      else yield* this.#collect(part);
    }
  }

  *#passOn(part: Buffer): Generator<Frame> {
    const kind = this.#kind;
    this.#size += part.length;
    if (this.#size === this.#wanted) this.#begin(null, frameHeaderBytes);
    if (kind !== null) yield { kind, payload: part };
  }

  *#collect(part: Buffer): Generator<Frame> {
    this.#size += part.length;
    if (this.#size < this.#wanted) {
      this.#pieces.push(Buffer.from(part));
      return;
    }
    const whole = this.#pieces.length === 0 ? part : Buffer.concat([...this.#pieces, part]);
    if (this.#kind !== null) {
      const kind = this.#kind;
      this.#begin(null, frameHeaderBytes);
      yield { kind, payload: whole };
      return;
    }
    const length = readLength(whole);
    const kind = readKind(whole);
    if (length > 0) this.#begin(kind, length);
    else {
      this.#begin(null, frameHeaderBytes);
      yield { kind, payload: Buffer.alloc(0) };
    }
  }

  #begin(kind: FrameKind | null, wanted: number): void {
    this.#kind = kind;
    this.#wanted = wanted;
    this.#pieces = [];
    this.#size = 0;
  }
}

function readLength(frame: Buffer): number {
  const length = frame.readUInt32BE(0);
  if (length > maxFramePayloadBytes) throw new RangeError(`frame payload of ${length} bytes is over ${maxFramePayloadBytes}`);
  return length;
}

function readKind(frame: Buffer): FrameKind {
  const kind = frame.readUInt8(4);
  if (!isFrameKind(kind)) throw new RangeError(`unknown frame kind ${kind}`);
  return kind;
}
