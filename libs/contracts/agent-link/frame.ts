/**
 * Binary WebSocket messages of the agent link. Byte 0 says what follows:
 *   0  control: UTF-8 JSON of one ToAgent or ToServer message
 *   1  stream bytes: u32 big-endian stream id, then payload
 * A stream's sender may have at most its credit in flight: it starts at initialStreamCreditBytes, is spent by payload bytes and
 * renewed by `stream.credit` messages, so a slow reader stalls its own stream only.
 */
export const initialStreamCreditBytes = 256 * 1024;
export const maxStreamChunkBytes = 64 * 1024;
export const maxControlBytes = 8 * 1024 * 1024;

export type LinkFrame = { readonly kind: 'control'; readonly json: unknown } | { readonly kind: 'stream'; readonly streamId: number; readonly payload: Buffer };

export function encodeControlFrame(message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  if (json.length > maxControlBytes) throw new RangeError(`control message of ${json.length} bytes is over ${maxControlBytes}`);
  return Buffer.concat([Buffer.of(0), json]);
}

export function encodeStreamFrame(streamId: number, payload: Uint8Array): Buffer {
  if (payload.length > maxStreamChunkBytes) throw new RangeError(`stream chunk of ${payload.length} bytes is over ${maxStreamChunkBytes}`);
  const frame = Buffer.allocUnsafe(5 + payload.length);
  frame.writeUInt8(1, 0);
  frame.writeUInt32BE(streamId, 1);
  frame.set(payload, 5);
  return frame;
}

/** Throws RangeError or SyntaxError on anything that is not a frame. */
export function decodeLinkFrame(bytes: Buffer): LinkFrame {
  const kind = bytes[0];
  if (kind === 0) {
    if (bytes.length > maxControlBytes + 1) throw new RangeError(`control message of ${bytes.length} bytes is over ${maxControlBytes}`);
    return { kind: 'control', json: JSON.parse(bytes.toString('utf8', 1)) };
  }
  if (kind === 1) {
    if (bytes.length < 5) throw new RangeError(`stream frame of ${bytes.length} bytes is too short`);
    if (bytes.length > maxStreamChunkBytes + 5) throw new RangeError(`stream frame of ${bytes.length} bytes is too long`);
    return { kind: 'stream', streamId: bytes.readUInt32BE(1), payload: bytes.subarray(5) };
  }
  throw new RangeError(`unknown link frame kind ${kind ?? 'none'}`);
}
