import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import frames from './fixtures/frames.json' with { type: 'json' };
import { encodeFrame, type Frame, FrameDecoder, type FrameKind, frameHeaderBytes, frameKind, maxFramePayloadBytes } from './frame.ts';

const kinds: readonly FrameKind[] = Object.values(frameKind);

function decode(chunks: readonly Buffer[]): Frame[] {
  const decoder = new FrameDecoder();
  return chunks.flatMap((chunk) => [...decoder.push(chunk)]);
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
        const received = decode(chunks).map(({ kind, payload }) => ({ kind, payload: [...payload] }));
        expect(received).toEqual(sent.map(({ kind, payload }) => ({ kind, payload: [...payload] })));
      }),
    );
  });

  it('do not share memory with the chunk that ended inside them', () => {
    const decoder = new FrameDecoder();
    const stream = encodeFrame(frameKind.stdout, Buffer.from('kept'));
    const first = Buffer.from(stream.subarray(0, frameHeaderBytes + 2));
    expect([...decoder.push(first)]).toEqual([]);
    first.fill(0);
    const [frame] = [...decoder.push(stream.subarray(frameHeaderBytes + 2))];
    expect(frame?.payload.toString()).toBe('kept');
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
