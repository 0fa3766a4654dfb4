import { createPublicKey, randomBytes, verify } from 'node:crypto';
import {
  encodeControlFrame,
  encodeStreamFrame,
  initialStreamCreditBytes,
  linkSignaturePayload,
  maxStreamChunkBytes,
  receiveLinkFrame,
  type ToAgent,
  type ToServer,
  ToServerMessage,
} from '@gantry/contracts/agent-link';
import type { NodeId, SessionId } from '@gantry/contracts/ids';
import { StreamOpener } from '@gantry/platform/streams';
import type { WebSocket } from 'ws';

/** Ed25519 keys in SPKI form are this and the raw 32 bytes. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export function isSignedBy(rawPublicKey: string, nodeId: NodeId, nonce: string, signature: string): boolean {
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, Buffer.from(rawPublicKey, 'base64')]), format: 'der', type: 'spki' });
  return verify(null, Buffer.from(linkSignaturePayload(nodeId, nonce)), key, Buffer.from(signature, 'base64'));
}

/** One agent's connection as the server sees it: the handshake, then messages and streams. */
export class AgentConnection {
  readonly nonce = randomBytes(16).toString('hex');
  readonly streams: StreamOpener;
  readonly malformed: string[] = [];
  nodeId: NodeId | null = null;
  readonly #socket: WebSocket;

  constructor(
    socket: WebSocket,
    handlers: { message: (connection: AgentConnection, message: ToServer) => void; closed: (connection: AgentConnection) => void },
  ) {
    this.#socket = socket;
    this.streams = new StreamOpener({
      limits: { initialCreditBytes: initialStreamCreditBytes, maxChunkBytes: maxStreamChunkBytes, maxStreams: 1024 },
      carrier: {
        sendBytes: (streamId, payload, sent) => socket.send(encodeStreamFrame(streamId, payload), sent),
        sendSignal: (signal) => this.send(signal),
      },
    });
    socket.on('message', (bytes: Buffer) => {
      const received = receiveLinkFrame(bytes, ToServerMessage);
      if (received.kind === 'stream') this.streams.receiveBytes(received.streamId, received.payload);
      else if (received.kind === 'message') this.#handle(received.message, handlers.message);
      else if (received.kind === 'unknown') this.send({ type: 'protocol.unknown', received: received.received });
      else this.malformed.push(received.reason);
    });
    // The close that follows an error is where it is handled.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.streams.close('the link was lost');
      handlers.closed(this);
    });
    this.send({ type: 'challenge', nonce: this.nonce, versions: [1] });
  }

  send(message: ToAgent): void {
    this.sendRaw(encodeControlFrame(message));
  }

  sendRaw(bytes: Buffer): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(bytes);
  }

  accept(nodeId: NodeId, sessionId: SessionId, heartbeatMs: number): void {
    this.nodeId = nodeId;
    this.send({ type: 'hello.accepted', sessionId, version: 1, heartbeatMs, build: 'test' });
  }

  /** Reads and answers nothing more, pings included, as a host that hangs. */
  pause(): void {
    this.#socket.pause();
  }

  /** Without a goodbye, as a broken network does it. */
  terminate(): void {
    this.#socket.terminate();
  }

  #handle(message: ToServer, other: (connection: AgentConnection, message: ToServer) => void): void {
    switch (message.type) {
      case 'stream.opened':
      case 'stream.credit':
      case 'stream.end':
      case 'stream.reset':
        this.streams.receiveSignal(message);
        return;
      default:
        other(this, message);
    }
  }
}
