import {
  type Assignments,
  type DeliveredPayload,
  encodeControlFrame,
  encodeStreamFrame,
  initialStreamCreditBytes,
  maxStreamChunkBytes,
  type ToAgent,
  type ToServer,
} from '@gantry/contracts/agent-link';
import type { NodeId, SessionId } from '@gantry/contracts/ids';
import { StreamOpener } from '@gantry/platform/streams';
import type { WebSocket } from 'ws';

/** More unsent bytes than this and the agent is not reading: its connection is given up. */
const mostUnsentBytes = 64 * 1024 * 1024;
const mostStreams = 1_024;
/** Characters of base64 in one message. */
const mostPayloadLength = 4 * 1024 * 1024;

/** What is needed of an agent's socket. */
export type AgentSocket = Pick<WebSocket, 'readyState' | 'OPEN' | 'bufferedAmount' | 'close' | 'terminate'> & { send(frame: Buffer, sent: () => void): void };

/** An agent's accepted connection. It ends with its socket, and its socket with it. */
export class AgentSession {
  readonly nodeId: NodeId;
  readonly sessionId: SessionId;
  readonly generation: number;
  readonly streams: StreamOpener;
  /** What the agent was last sent: task id → what would have to differ for it to be sent again. Null: nothing yet. */
  sent: Map<string, string> | null = null;
  lastHeardAt: number;
  readonly #socket: AgentSocket;
  #sets = 0;

  constructor(options: { nodeId: NodeId; sessionId: SessionId; generation: number; socket: AgentSocket; now: number }) {
    this.nodeId = options.nodeId;
    this.sessionId = options.sessionId;
    this.generation = options.generation;
    this.lastHeardAt = options.now;
    this.#socket = options.socket;
    this.streams = new StreamOpener({
      limits: { initialCreditBytes: initialStreamCreditBytes, maxChunkBytes: maxStreamChunkBytes, maxStreams: mostStreams },
      carrier: {
        sendBytes: (streamId, payload, sent) => this.#write(encodeStreamFrame(streamId, payload), sent),
        sendSignal: (signal) => this.send(signal),
      },
    });
  }

  send(message: ToAgent): void {
    this.#write(encodeControlFrame(message), () => undefined);
  }

  /** Before the assignments that use them, in messages of bounded size. */
  sendPayloads(payloads: readonly DeliveredPayload[]): void {
    let batch: DeliveredPayload[] = [];
    let size = 0;
    for (const payload of payloads) {
      if (batch.length > 0 && size + payload.data.length > mostPayloadLength) {
        this.send({ type: 'payloads.deliver', payloads: batch });
        batch = [];
        size = 0;
      }
      batch.push(payload);
      size += payload.data.length;
    }
    if (batch.length > 0) this.send({ type: 'payloads.deliver', payloads: batch });
  }

  /** The whole of the node's work when it has none from this session, else what changed. */
  sendAssignments(change: Pick<Assignments, 'update' | 'remove'>): void {
    const isFirst = this.sent === null;
    const appliesTo = isFirst ? null : this.#version();
    this.#sets += 1;
    const { generation } = this;
    this.send({
      type: 'assignments.sync',
      assignments: { kind: isFirst ? 'complete' : 'incremental', generation, appliesTo, resultsIn: this.#version(), ...change },
    });
  }

  receive(signal: Extract<ToServer, { streamId: number }>): void {
    this.streams.receiveSignal(signal);
  }

  close(reason: string): void {
    this.streams.close(reason);
    this.#socket.close(1000, reason.slice(0, 100));
    // a peer that is gone never answers the close
    setTimeout(() => this.#socket.terminate(), 1_000).unref();
  }

  #version(): string {
    return `${this.sessionId}.${this.#sets}`;
  }

  #write(frame: Buffer, sent: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      sent();
      return;
    }
    if (this.#socket.bufferedAmount > mostUnsentBytes) {
      this.#socket.terminate();
      return;
    }
    this.#socket.send(frame, () => sent());
  }
}
