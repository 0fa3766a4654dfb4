import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { encodeControlFrame, maxControlBytes, receiveLinkFrame, type ToAgent, type ToServer, ToServerMessage } from '@gantry/contracts/agent-link';
import { SessionId } from '@gantry/contracts/ids';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { type WebSocket, WebSocketServer } from 'ws';
import { CONFIG, type Config } from '../config.ts';
import { LOGGER, type Logger } from '../logger.ts';
import { newId } from '../persistence/new-id.ts';
import { version } from '../version.ts';
import { AgentNodeRepository } from './agent-node.repository.ts';
import { AgentSession } from './agent-session.ts';
import { Dispatcher } from './dispatcher.ts';
import { proveAgent } from './link-handshake.ts';

export const linkPath = '/api/v1/agent/link';

/** Handshakes cost a signature and two queries; a stampede waits its turn, and agents back off with jitter. */
const mostHandshakes = 128;

/** The server end of the agent link's socket: proves who calls, then hands what arrives to the dispatcher. */
@Injectable()
export class LinkGateway implements BeforeApplicationShutdown {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: maxControlBytes + 1, perMessageDeflate: false, clientTracking: true });
  #handshakes = 0;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(AgentNodeRepository) private readonly nodes: AgentNodeRepository,
  ) {}

  beforeApplicationShutdown(): void {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (agent) => {
      // the close that follows an error is where it is handled
      agent.on('error', () => undefined);
      this.#accept(agent).catch((error: unknown) => {
        this.logger.warn({ err: error }, 'accept an agent');
        agent.close(1011, 'try again');
      });
    });
  }

  async #accept(socket: WebSocket): Promise<void> {
    if (this.#handshakes >= mostHandshakes) {
      this.#reject(socket, { type: 'hello.rejected', code: 'busy', reason: 'too many agents are connecting at once' });
      return;
    }
    this.#handshakes += 1;
    try {
      const proof = await proveAgent(socket, (nodeId) => this.nodes.findPublicKey(nodeId));
      if (proof.kind === 'gone') socket.terminate();
      else if (proof.kind === 'refused') this.#reject(socket, proof.rejection);
      else await this.#begin(socket, proof.hello);
    } finally {
      this.#handshakes -= 1;
    }
  }

  async #begin(socket: WebSocket, hello: Extract<ToServer, { type: 'hello' }>): Promise<void> {
    const { nodeId, facts } = hello;
    const generation = await this.nodes.beginSession(nodeId, facts, this.config.replicaId);
    if (generation === null) {
      this.#reject(socket, { type: 'hello.rejected', code: 'unknown-node', reason: `node ${nodeId} was removed` });
      return;
    }
    if (socket.readyState !== socket.OPEN) return;
    const session = new AgentSession({ nodeId, sessionId: SessionId.parse(newId()), generation, socket, now: Date.now() });
    socket.on('close', () => this.dispatcher.end(session));
    socket.on('message', (bytes: Buffer) => this.#receive(session, bytes));
    session.send({ type: 'hello.accepted', sessionId: session.sessionId, version: hello.version, heartbeatMs: this.dispatcher.heartbeatMs, build: version });
    this.dispatcher.begin(session);
    this.logger.info({ nodeId, name: facts.hostname, generation }, 'an agent has connected');
  }

  #receive(session: AgentSession, bytes: Buffer): void {
    const received = receiveLinkFrame(bytes, ToServerMessage);
    switch (received.kind) {
      case 'stream':
        session.lastHeardAt = Date.now();
        session.streams.receiveBytes(received.streamId, received.payload);
        return;
      case 'message':
        this.dispatcher.receive(session, received.message);
        return;
      case 'unknown':
        session.send({ type: 'protocol.unknown', received: received.received });
        return;
      case 'malformed':
        this.logger.warn({ nodeId: session.nodeId, reason: received.reason }, 'dropped a malformed message of an agent');
        return;
    }
  }

  #reject(socket: WebSocket, rejection: Extract<ToAgent, { type: 'hello.rejected' }>): void {
    this.logger.warn({ code: rejection.code, reason: rejection.reason }, 'refused an agent');
    socket.send(encodeControlFrame(rejection), () => socket.close(1008, rejection.code));
  }
}
