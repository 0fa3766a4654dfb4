import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import frames from './fixtures/frames.json' with { type: 'json' };
import { encodeFrame, type Frame, FrameDecoder, type FrameKind, frameHeaderBytes, frameKind, maxFramePayloadBytes } from './frame.ts';

const kinds: readonly FrameKind[] = Object.values(frameKind);

function decode(chunks: readonly Buffer[]): Frame[] {
  const decoder = new FrameDecoder();
  return chunks.flatMap((chunk) => [...decoder.push(chunk)]);
}

/** Parts of one frame of bytes, joined again. */
function join(parts: readonly Frame[]): { kind: FrameKind; payload: number[] }[] {
  const joined: { kind: FrameKind; payload: number[] }[] = [];
  for (const { kind, payload } of parts) {
    const last = joined.at(-1);
    if (last !== undefined && kind === last.kind && kind !== frameKind.json && payload.length > 0 && last.payload.length > 0) last.payload.push(...payload);
    else joined.push({ kind, payload: [...payload] });
  }
  return joined;
}

function kindOf(value: number): FrameKind {
  const kind = kinds.find((candidate) => candidate === value);
  if (kind === undefined) throw new Error(`fixture with kind ${value}`);
  return kind;
}

describe('frames', () => {
  it.each(frames)('agree with the executor on $name', ({ kind, payload, hex }) => {
    expect(encodeFrame(kindOf(kind), Buffer.from(payload)).toString('hex')).toBe(hex);
    const [frame, ...rest] = decode([Buffer.from(hex, 'hex')]);
    expect(rest).toEqual([]);
    expect(frame?.kind).toBe(kind);
    expect(frame?.payload.toString()).toBe(payload);
  });

  it('come out as they went in, however the stream is cut', async () => {
    const frame = fc.record({ kind: fc.constantFrom(...kinds), payload: fc.uint8Array({ maxLength: 300 }) });
    await fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 20 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(({ kind, payload }) => encodeFrame(kind, payload)));
        const edges = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length];
        const chunks = edges.slice(1).map((edge, index) => stream.subarray(edges[index], edge));
        expect(join(decode(chunks))).toEqual(join(sent.map(({ kind, payload }) => ({ kind, payload: Buffer.from(payload) }))));
      }),
    );
  });

  it('of JSON are whole, and do not share memory with the chunk that ended inside them', () => {
    const decoder = new FrameDecoder();
    const stream = encodeFrame(frameKind.json, Buffer.from('kept'));
    const first = Buffer.from(stream.subarray(0, frameHeaderBytes + 2));
    expect([...decoder.push(first)]).toEqual([]);
    first.fill(0);
    const [frame] = [...decoder.push(stream.subarray(frameHeaderBytes + 2))];
    expect(frame?.payload.toString()).toBe('kept');
  });

  it('of bytes come out as they come in, without a copy, and are empty only when they were sent so', () => {
    const decoder = new FrameDecoder();
    const stream = Buffer.concat([encodeFrame(frameKind.stdout, Buffer.from('parts')), encodeFrame(frameKind.stdout, Buffer.alloc(0))]);
    const first = stream.subarray(0, frameHeaderBytes + 2);
    const [part] = [...decoder.push(first)];
    expect(part?.payload.buffer === first.buffer && part.payload.byteOffset === first.byteOffset + frameHeaderBytes).toBe(true);
    expect([...decoder.push(stream.subarray(frameHeaderBytes + 2))].map(({ payload }) => payload.toString())).toEqual(['rts', '']);
  });

  it('are at most 1 MiB', () => {
    const largest = Buffer.alloc(maxFramePayloadBytes, 7);
    expect(decode([encodeFrame(frameKind.stdin, largest)])[0]?.payload.equals(largest)).toBe(true);
    expect(() => encodeFrame(frameKind.stdin, Buffer.alloc(maxFramePayloadBytes + 1))).toThrow(RangeError);
    const header = Buffer.alloc(frameHeaderBytes);
    header.writeUInt32BE(maxFramePayloadBytes + 1, 0);
    expect(() => decode([header])).toThrow(RangeError);
  });

  it('of an unknown kind are an error at once, without waiting for the payload', () => {
    expect(() => decode([Buffer.from('0000000a09', 'hex')])).toThrow('unknown frame kind 9');
  });
});
