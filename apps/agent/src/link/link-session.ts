import {
  type Assignments,
  type DeliveredPayload,
  encodeControlFrame,
  encodeStreamFrame,
  initialStreamCreditBytes,
  linkVersions,
  maxStreamChunkBytes,
  type NodeFacts,
  receiveLinkFrame,
  type TaskStatusReport,
  type ToAgent,
  ToAgentMessage,
  type ToServer,
} from '@gantry/contracts/agent-link';
import type { NodeId } from '@gantry/contracts/ids';
import type { Logger } from '@gantry/platform/node';
import { type LinkStream, StreamAcceptor } from '@gantry/platform/streams';
import { WebSocket } from 'ws';
import type { StatusChannel } from './status-outbox.ts';

const handshakeTimeoutMs = 15_000;
const missedHeartbeats = 3;
const congestedBytes = 1024 * 1024;
const maxStreams = 1024;

export interface LinkSessionOptions {
  readonly url: URL;
  readonly nodeId: NodeId;
  readonly prove: (nonce: string) => string;
  readonly facts: () => NodeFacts;
  readonly build: string;
  readonly logger: Logger;
  readonly connectStream: (stream: LinkStream) => Promise<void>;
  readonly onAccepted: (session: LinkSession) => void;
  /** What the next assignments use. A throw is as one of onAssignments. */
  readonly onPayloads: (payloads: readonly DeliveredPayload[]) => void;
  /** Durable when it returns; a throw ends the session, and the next one starts from a complete set. */
  readonly onAssignments: (assignments: Assignments) => ToServer | null;
}

export interface SessionEnd {
  readonly reason: string;
  readonly wasAccepted: boolean;
  readonly rejection: Extract<ToAgent, { type: 'hello.rejected' }>['code'] | null;
}

/**
 * One connection, from dialling to its end; it is never repaired, only replaced.
 * A message that is unknown or malformed costs only itself. A server that has not been heard for three heartbeats is given up.
 */
export class LinkSession implements StatusChannel {
  readonly ended: Promise<SessionEnd>;
  readonly #options: LinkSessionOptions;
  readonly #socket: WebSocket;
  readonly #streams: StreamAcceptor;
  readonly #handshake: NodeJS.Timeout;
  #heartbeat: NodeJS.Timeout | null = null;
  #lastHeardAt = 0;
  #isAccepted = false;
  #rejection: SessionEnd['rejection'] = null;
  #endReason = '';
  #toldFacts = '';

  constructor(options: LinkSessionOptions) {
    this.#options = options;
    const socket = new WebSocket(options.url, { perMessageDeflate: false, handshakeTimeout: handshakeTimeoutMs, maxPayload: 16 * 1024 * 1024 });
    this.#socket = socket;
    this.#streams = new StreamAcceptor({
      limits: { initialCreditBytes: initialStreamCreditBytes, maxChunkBytes: maxStreamChunkBytes, maxStreams },
      carrier: {
        sendBytes: (streamId, payload, sent) => socket.send(encodeStreamFrame(streamId, payload), sent),
        sendSignal: (signal) => this.send(signal),
      },
      accept: options.connectStream,
    });
    this.#handshake = setTimeout(() => this.end('the control plane did not answer the hello in time'), handshakeTimeoutMs);
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.ended = promise;
    socket.on('message', (bytes: Buffer) => this.#receive(bytes));
    socket.on('ping', () => this.#hear());
    socket.on('pong', () => this.#hear());
    socket.on('error', (error) => {
      this.#endReason ||= error.message;
    });
    socket.once('close', (code, reason) => {
      clearTimeout(this.#handshake);
      if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
      this.#endReason ||= `closed by the control plane (${code}${reason.length > 0 ? ` ${reason}` : ''})`;
      this.#streams.close('the agent link was lost');
      resolve({ reason: this.#endReason, wasAccepted: this.#isAccepted, rejection: this.#rejection });
    });
  }

  get isCongested(): boolean {
    return this.#socket.bufferedAmount > congestedBytes;
  }

  send(message: ToServer): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(encodeControlFrame(message));
  }

  sendStatuses(statuses: TaskStatusReport[]): void {
    this.send({ type: 'status.report', statuses });
  }

  /** At once and without a goodbye: whoever is at the other end may be gone. */
  end(reason: string): void {
    this.#endReason ||= reason;
    this.#socket.terminate();
  }

  #receive(bytes: Buffer): void {
    this.#hear();
    const received = receiveLinkFrame(bytes, ToAgentMessage);
    switch (received.kind) {
      case 'stream':
        this.#streams.receiveBytes(received.streamId, received.payload);
        return;
      case 'message':
        this.#handle(received.message);
        return;
      case 'unknown':
        this.send({ type: 'protocol.unknown', received: received.received });
        return;
      case 'malformed':
        this.#options.logger.warn({ reason: received.reason }, 'dropped a malformed message of the control plane');
        return;
    }
  }

  #handle(message: ToAgent): void {
    switch (message.type) {
      case 'challenge':
        this.#answer(message);
        return;
      case 'hello.accepted':
        clearTimeout(this.#handshake);
        this.#isAccepted = true;
        this.#beat(message.heartbeatMs);
        this.#options.onAccepted(this);
        return;
      case 'hello.rejected':
        this.#rejection = message.code;
        this.end(`${message.code}: ${message.reason}`);
        return;
      case 'payloads.deliver':
        this.#takeOver(() => this.#options.onPayloads(message.payloads));
        return;
      case 'assignments.sync':
        this.#takeOver(() => {
          const answer = this.#options.onAssignments(message.assignments);
          if (answer !== null) this.send(answer);
        });
        return;
      case 'heartbeat.set':
        this.#beat(message.heartbeatMs);
        return;
      case 'protocol.unknown':
        this.#options.logger.warn({ received: message.received }, 'the control plane does not know a message of this agent');
        return;
      case 'stream.open':
      case 'stream.credit':
      case 'stream.end':
      case 'stream.reset':
        this.#streams.receiveSignal(message);
        return;
    }
  }

  #answer(challenge: Extract<ToAgent, { type: 'challenge' }>): void {
    const version = linkVersions.map((known) => known.version).findLast((known) => challenge.versions.includes(known));
    if (version === undefined) {
      this.#rejection = 'version';
      this.end(`no common protocol version: the control plane speaks ${challenge.versions.join(', ')}`);
      return;
    }
    const { nodeId, prove, build } = this.#options;
    const facts = this.#options.facts();
    this.#toldFacts = JSON.stringify(facts);
    this.send({ type: 'hello', nodeId, signature: prove(challenge.nonce), version, build, facts });
  }

  /** Addresses come and go while a host runs; memory and CPUs may, too. */
  #tellChangedFacts(): void {
    const facts = this.#options.facts();
    const changed = JSON.stringify(facts);
    if (changed === this.#toldFacts) return;
    this.#toldFacts = changed;
    this.send({ type: 'facts.report', facts });
  }

  #takeOver(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'could not take over assignments');
      this.end('assignments could not be stored');
    }
  }

  #hear(): void {
    this.#lastHeardAt = performance.now();
  }

  #beat(everyMs: number): void {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    let expectedAt = performance.now() + everyMs;
    this.#heartbeat = setInterval(() => {
      const now = performance.now();
      // After a pause of our own, what the server sent meanwhile has not been read yet: give it another period.
      const wasPaused = now - expectedAt > everyMs / 2;
      expectedAt = now + everyMs;
      if (!wasPaused && now - this.#lastHeardAt > missedHeartbeats * everyMs) {
        this.end(`nothing heard from the control plane for ${Math.round(now - this.#lastHeardAt)} ms`);
        return;
      }
      this.send({ type: 'heartbeat' });
      this.#tellChangedFacts();
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
    }, everyMs);
  }
}
