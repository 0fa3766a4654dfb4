import { createServer, request } from 'node:http';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { type LinkStream, StreamAcceptor, type StreamCarrier, type StreamLimits, StreamOpener, spliceStreams } from './index.ts';

const limits: StreamLimits = { initialCreditBytes: 1024, maxChunkBytes: 256, maxStreams: 4 };

/** Both ends of a connection in memory; each message arrives on a later turn, in order, and `lost` counts bytes on the way. */
function link(accept: (stream: LinkStream) => Promise<void>) {
  const sent: { from: 'opener' | 'acceptor'; type: string }[] = [];
  let carriedBytes = 0;
  const carrier = <Signal extends { type: string }>(
    from: 'opener' | 'acceptor',
    to: () => { receiveBytes(id: number, bytes: Buffer): void; receiveSignal(signal: Signal): void },
  ): StreamCarrier<Signal> => ({
    sendBytes(streamId, payload, done) {
      carriedBytes += payload.length;
      const copy = Buffer.from(payload);
      setImmediate(() => {
        to().receiveBytes(streamId, copy);
        done();
      });
    },
    sendSignal(signal) {
      sent.push({ from, type: signal.type });
      setImmediate(() => to().receiveSignal(signal));
    },
  });
  const opener: StreamOpener = new StreamOpener({ carrier: carrier('opener', () => acceptor), limits });
  const acceptor: StreamAcceptor = new StreamAcceptor({ carrier: carrier('acceptor', () => opener), limits, accept });
  return { opener, acceptor, sent, carriedBytes: () => carriedBytes };
}

async function openPair(options: { accept?: (stream: LinkStream) => Promise<void> } = {}) {
  const accepted: LinkStream[] = [];
  const ends = link(async (stream) => {
    accepted.push(stream);
    await options.accept?.(stream);
  });
  const open = async () => {
    const near = await ends.opener.open({ target: 'engine' });
    const far = accepted.at(-1);
    if (far === undefined) throw new Error('nothing was accepted');
    return { near, far };
  };
  return { ...ends, open };
}

async function turns(count: number) {
  for (let i = 0; i < count; i += 1) await turn();
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

test('bytes arrive whole and in order, whatever the size of writes', async () => {
  const { open } = await openPair();
  const { near, far } = await open();
  const parts = Array.from({ length: 200 }, (_, index) => `${index}:${'x'.repeat((index * 37) % 700)};`);
  for (const part of parts) near.write(part);
  near.end();
  expect(await text(far)).toBe(parts.join(''));
});

test('whatever is written to whichever stream in whatever pieces, each reader gets its own bytes in order', async () => {
  const pieces = fc.array(fc.record({ stream: fc.integer({ min: 0, max: 2 }), size: fc.integer({ min: 0, max: 3_000 }) }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(pieces, async (written) => {
      const { open, opener, acceptor } = await openPair();
      const pairs = [await open(), await open(), await open()];
      const expected = pairs.map(() => '');
      for (const [index, { stream, size }] of written.entries()) {
        const piece = String(index % 10).repeat(size);
        pairs[stream]?.near.write(piece);
        expected[stream] += piece;
      }
      for (const { near, far } of pairs) {
        near.end();
        far.end();
        near.resume();
      }
      expect(await Promise.all(pairs.map(({ far }) => text(far)))).toEqual(expected);
      await turns(5);
      expect([opener.size, acceptor.size]).toEqual([0, 0]);
    }),
    { numRuns: 60 },
  );
});

test('a reader that does not read stalls its own stream only', async () => {
  const { open, carriedBytes } = await openPair();
  const slow = await open();
  const quick = await open();
  slow.near.write(Buffer.alloc(100_000));
  await turns(200);
  expect(carriedBytes()).toBe(limits.initialCreditBytes);

  quick.near.end(Buffer.alloc(50_000, 'q'));
  expect((await text(quick.far)).length).toBe(50_000);

  let received = 0;
  slow.far.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  slow.near.end();
  await new Promise((resolve) => slow.far.once('end', resolve));
  expect(received).toBe(100_000);
});

test('a reader holds one credit window at most', async () => {
  const { open } = await openPair();
  const { near, far } = await open();
  near.write(Buffer.alloc(1_000_000));
  await turns(500);
  expect(far.readableLength).toBeLessThanOrEqual(limits.initialCreditBytes);
  far.read(100);
  await turns(500);
  expect(far.readableLength).toBeLessThanOrEqual(limits.initialCreditBytes + limits.maxChunkBytes);
});

test('a peer that ignores its credit is reset', async () => {
  const { open, acceptor, sent } = await openPair();
  const { far } = await open();
  for (let i = 0; i < 6; i += 1) acceptor.receiveBytes(far.streamId, Buffer.alloc(256));
  expect(far.destroyed).toBe(true);
  await turn();
  expect(sent.filter(({ from, type }) => from === 'acceptor' && type === 'stream.reset')).toHaveLength(1);
});

test.each(['opener', 'acceptor'] as const)('the %s may end its direction and still read', async (first) => {
  const { open, opener, acceptor, sent } = await openPair();
  const { near, far } = await open();
  const [ender, answerer] = first === 'opener' ? [near, far] : [far, near];
  ender.end('question');
  expect(await text(answerer)).toBe('question');
  await turns(5);
  expect([near.destroyed, far.destroyed]).toEqual([false, false]);
  answerer.end('answer');
  expect(await text(ender)).toBe('answer');
  await turns(5);
  expect([opener.size, acceptor.size]).toEqual([0, 0]);
  expect(sent.filter(({ type }) => type === 'stream.reset')).toEqual([]);
});

test('destroying one end resets the other, with the reason, and frees both', async () => {
  const { open, opener, acceptor } = await openPair();
  const { near, far } = await open();
  near.write(Buffer.alloc(10_000));
  const failed = new Promise<Error>((resolve) => near.once('error', resolve));
  far.destroy(new Error('engine went away'));
  expect((await failed).message).toContain('engine went away');
  await turns(5);
  expect([opener.size, acceptor.size]).toEqual([0, 0]);
});

test('a reset stream leaves the others alone', async () => {
  const { open } = await openPair();
  const broken = await open();
  const healthy = await open();
  broken.far.destroy();
  healthy.near.end('still here');
  expect(await text(healthy.far)).toBe('still here');
});

test('opening fails with the reason when the target can not be reached', async () => {
  const { opener, acceptor } = link(() => Promise.reject(new Error('no such socket')));
  await expect(opener.open({ target: 'engine' })).rejects.toThrow('no such socket');
  await turns(3);
  expect([opener.size, acceptor.size]).toEqual([0, 0]);
});

test('opening is bounded in number and by its signal', async () => {
  const { opener, acceptor } = link(() => Promise.withResolvers<void>().promise);
  const abort = new AbortController();
  const openings = Array.from({ length: limits.maxStreams }, () => opener.open({ target: 'engine', signal: abort.signal }));
  await expect(opener.open({ target: 'engine' })).rejects.toThrow('4 are open already');
  const settled = Promise.allSettled(openings);
  abort.abort();
  expect((await settled).map(({ status }) => status)).toEqual(Array(limits.maxStreams).fill('rejected'));
  await turns(3);
  expect([opener.size, acceptor.size]).toEqual([0, 0]);
});

test('the loss of the connection ends every stream and refuses new ones', async () => {
  const { open, opener, acceptor } = await openPair();
  const { near, far } = await open();
  const waiting = opener.open({ target: 'engine' });
  opener.close('socket closed');
  acceptor.close('socket closed');
  await expect(waiting).rejects.toThrow();
  expect([near.destroyed, far.destroyed]).toEqual([true, true]);
  await expect(opener.open({ target: 'engine' })).rejects.toThrow('socket closed');
});

test('frames of a stream that is gone are dropped', async () => {
  const { open, acceptor, sent } = await openPair();
  const { far } = await open();
  far.destroy();
  await turns(3);
  const before = sent.length;
  acceptor.receiveBytes(far.streamId, Buffer.from('late'));
  acceptor.receiveSignal({ type: 'stream.end', streamId: far.streamId });
  await turns(3);
  expect(sent.length).toBe(before);
});

test('HTTP runs over a stream spliced to another', async () => {
  const server = createServer((incoming, response) => incoming.pipe(response));
  closers.push(() => server.close());
  const { open } = await openPair({
    async accept(stream) {
      const [left, right] = duplexPair();
      spliceStreams(stream, left);
      server.emit('connection', right);
    },
  });
  const { near } = await open();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = request({ method: 'POST', path: '/', createConnection: () => near }, (response) => text(response).then(resolve, reject));
  outgoing.once('error', reject);
  const body = 'z'.repeat(20_000);
  outgoing.end(body);
  expect(await promise).toBe(body);
});

test('splicing passes an end on as a half-close, and a failure as a reset', async () => {
  const { open } = await openPair();
  const one = await open();
  const two = await open();
  spliceStreams(one.far, two.far);
  one.near.end('there');
  expect(await text(two.near)).toBe('there');
  two.near.write('back');
  await turns(5);
  expect(one.near.read()?.toString()).toBe('back');
  two.near.destroy();
  await turns(5);
  expect([one.near.destroyed, one.far.destroyed, two.far.destroyed]).toEqual([true, true, true]);
});
