import { Duplex } from 'node:stream';
import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { parseDetachKeys } from '@gantry/engine-api/stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { emitContainerEvent } from '../emit.ts';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';
import { pumpProcess } from './process-pump.ts';

const server = new WebSocketServer({ noServer: true, maxPayload: 1 << 20, perMessageDeflate: false });

function toDuplex(socket: WebSocket): Duplex {
  const duplex = new Duplex({
    read: () => socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      socket.send(chunk, { binary: true }, done);
    },
    final(done) {
      socket.close(1000);
      done();
    },
    destroy(error, done) {
      socket.terminate();
      done(error);
    },
  });
  socket.on('message', (message: RawData) => {
    const bytes = Array.isArray(message) ? Buffer.concat(message) : Buffer.from(message as ArrayBuffer); // ws: Buffer, ArrayBuffer or Buffer[]
    if (!duplex.push(bytes)) socket.pause();
  });
  socket.on('close', () => duplex.push(null));
  socket.on('error', (error) => duplex.destroy(error));
  return duplex;
}

/** GET /containers/{name}/attach/ws: attach for browsers; raw bytes both ways, whatever the container's terminal. */
export async function attachWebSocket(engine: Engine, exchange: Exchange): Promise<void> {
  const container = getContainer(engine, exchange.param('name'));
  const { upgrade } = exchange;
  if (upgrade === null || exchange.header('upgrade')?.toLowerCase() !== 'websocket') throw new EngineError(400, 'not a websocket handshake');
  const wantsStdin = exchange.boolean('stdin') && container.spec.openStdin;
  const attaching = engine.runtime.containers.attach(container.id, {
    stdin: wantsStdin,
    stdout: exchange.boolean('stdout'),
    stderr: exchange.boolean('stderr'),
    signal: exchange.signal,
  });
  attaching.catch(() => undefined);
  const { promise, resolve } = Promise.withResolvers<WebSocket>();
  server.handleUpgrade(exchange.release(), upgrade.socket, Buffer.alloc(0), resolve);
  const duplex = toDuplex(await promise);
  emitContainerEvent(engine, container, 'attach');
  const detachKeys = container.spec.tty && wantsStdin ? parseDetachKeys(exchange.text('detachKeys')) : null;
  await pumpProcess({ process: await attaching, input: duplex, output: duplex, isMultiplexed: false, detachKeys, signal: exchange.signal });
}
