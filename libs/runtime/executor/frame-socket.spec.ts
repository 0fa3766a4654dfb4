import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { frameKind } from '@gantry/contracts/executor';
import { expect, it } from 'vitest';
import { FrameSocket } from './frame-socket.ts';

it('keeps the order of what is sent without waiting, also of what takes several frames', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
  const accepting = once(server, 'connection');
  const sender = new FrameSocket(connect(address.port, '127.0.0.1'));
  const [accepted] = await accepting;
  const receiver = new FrameSocket(accepted);
  const payloads = [randomBytes(3 << 20), randomBytes(10), randomBytes(2 << 20)];
  const sending = Promise.all(payloads.map((payload) => sender.send(frameKind.stdin, payload)));
  const received: Buffer[] = [];
  for (let bytes = 0; bytes < Buffer.concat(payloads).length; ) {
    const frame = await receiver.next();
    received.push(frame?.payload ?? expect.fail('the stream ended'));
    bytes += received.at(-1)?.length ?? 0;
  }
  await sending;
  expect(Buffer.concat(received).equals(Buffer.concat(payloads))).toBe(true);
  sender.destroy();
  receiver.destroy();
  server.close();
});
