import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeControlFrame, encodeStreamFrame, receiveLinkFrame, ToAgentMessage, ToServerMessage } from './index.ts';

test('a message of the union is itself', () => {
  expect(receiveLinkFrame(encodeControlFrame({ type: 'heartbeat.set', heartbeatMs: 5000 }), ToAgentMessage)).toEqual({
    kind: 'message',
    message: { type: 'heartbeat.set', heartbeatMs: 5000 },
  });
});

test('stream bytes keep their id', () => {
  expect(receiveLinkFrame(encodeStreamFrame(0xfffffffe, Buffer.from('abc')), ToAgentMessage)).toEqual({
    kind: 'stream',
    streamId: 0xfffffffe,
    payload: Buffer.from('abc'),
  });
});

test('a type of the other direction, or of a later version, is unknown', () => {
  expect(receiveLinkFrame(encodeControlFrame({ type: 'hello.accepted' }), ToServerMessage)).toEqual({ kind: 'unknown', received: 'hello.accepted' });
  expect(receiveLinkFrame(encodeControlFrame({ type: 'z'.repeat(500) }), ToServerMessage)).toEqual({ kind: 'unknown', received: 'z'.repeat(64) });
});

test('fields of a later version are ignored', () => {
  expect(receiveLinkFrame(encodeControlFrame({ type: 'heartbeat', mood: 'good' }), ToServerMessage)).toEqual({
    kind: 'message',
    message: { type: 'heartbeat' },
  });
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['an unknown kind', Buffer.of(9, 1, 2)],
  ['a short stream frame', Buffer.of(1, 0)],
  ['text that is not JSON', Buffer.from('\0{')],
  ['JSON that is no object', Buffer.from('\0null')],
  ['a known type with a wrong field', encodeControlFrame({ type: 'stream.end', streamId: -1 })],
])('%s is malformed and does not throw', (_, bytes) => {
  expect(receiveLinkFrame(bytes, ToServerMessage)).toMatchObject({ kind: 'malformed' });
});

test('no bytes whatever make it throw', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array)),
    fc.json().map((json) => Buffer.from(`\0${json}`)),
    fc
      .record({ type: fc.constantFrom('hello', 'status.report', 'stream.credit'), streamId: fc.anything(), statuses: fc.anything() })
      .map((message) => Buffer.from(`\0${JSON.stringify(message)}`)),
  );
  fc.assert(
    fc.property(bytes, (frame) => {
      expect(['message', 'stream', 'unknown', 'malformed']).toContain(receiveLinkFrame(frame, ToServerMessage).kind);
    }),
  );
});
