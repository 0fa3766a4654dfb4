import {
  type AssignedTask,
  type Assignments,
  encodeControlFrame,
  encodeStreamFrame,
  initialStreamCreditBytes,
  maxStreamChunkBytes,
  type NodeFacts,
  receiveLinkFrame,
  type TaskStatusReport,
  type ToAgent,
  ToAgentMessage,
  type ToServer,
} from '@gantry/contracts/agent-link';
import { applyAssignments, type HeldAssignments, isFinal } from '@gantry/domain/container';
import { StreamAcceptor } from '@gantry/platform/streams';
import { WebSocket } from 'ws';
import { FakeEngine } from './fake-engine.ts';
import { proveIdentity, registerSimulated, type SimulatedIdentity } from './identity.ts';
import { SimulatedTasks } from './simulated-tasks.ts';
import type { Scripting } from './task-script.ts';

export interface SimulatedAgentOptions {
  readonly serverUrl: string;
  readonly name: string;
  /** Registers with it the first time; not needed with an identity. */
  readonly joinToken?: string;
  readonly identity?: SimulatedIdentity;
  readonly facts?: Partial<NodeFacts>;
  readonly scripting?: Scripting;
  readonly engine?: FakeEngine;
  readonly faults?: AgentFaults;
  /** Hears what its tasks do, as they do it; one that is forgotten while it lives has ended. */
  readonly observe?: (status: TaskStatusReport) => void;
  /** Of the protocol it says it speaks. */
  readonly version?: number;
  /** False: a lost connection stays lost until `connect` is called. */
  readonly reconnects?: boolean;
}

/** Switches a test may turn at any time. */
export interface AgentFaults {
  /** Connected, but says nothing and runs nothing. */
  isFrozen?: boolean;
  /** Every status report is sent twice. */
  duplicatesReports?: boolean;
  /** After each status report the one before it is sent once more: late, and out of order. */
  repeatsOldReports?: boolean;
  /** Status reports wait this long. */
  reportDelayMs?: number;
  /** Assignments are received and dropped. */
  ignoresAssignments?: boolean;
}

const statusBatchMs = 100;
const maxStatusesPerReport = 1000;
const backOff = { firstMs: 100, longestMs: 8_000 };

/** A node without Linux: it speaks the real agent link and pretends to run what it is assigned. Thousands fit in one process. */
export class SimulatedAgent {
  readonly name: string;
  readonly faults: AgentFaults;
  readonly engine: FakeEngine;
  readonly tasks: SimulatedTasks;
  /** Every secret and config that was ever delivered: PAYLOAD.NUMBER → content. */
  readonly payloads = new Map<string, string>();
  readonly #options: SimulatedAgentOptions;
  #identity: SimulatedIdentity | null;
  #socket: WebSocket | null = null;
  #streams: StreamAcceptor | null = null;
  #held: HeldAssignments | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #retry: NodeJS.Timeout | null = null;
  #attempts = 0;
  #isClosed = false;
  #isAccepted = false;
  #rejection: Extract<ToAgent, { type: 'hello.rejected' }> | null = null;
  #reportedBefore: readonly TaskStatusReport[] = [];
  readonly #unsent = new Map<string, TaskStatusReport>();
  #flush: NodeJS.Timeout | null = null;
  #waiting: { isMet: () => boolean; resolve: () => void }[] = [];

  constructor(options: SimulatedAgentOptions) {
    this.#options = options;
    this.name = options.name;
    this.faults = options.faults ?? {};
    this.engine = options.engine ?? new FakeEngine();
    this.#identity = options.identity ?? null;
    this.tasks = new SimulatedTasks({ scripting: options.scripting ?? (() => ({})), report: (status) => this.#advance(status) });
  }

  get identity(): SimulatedIdentity {
    if (this.#identity === null) throw new Error(`${this.name} has not registered yet`);
    return this.#identity;
  }

  get isConnected(): boolean {
    return this.#isAccepted;
  }

  /** Why the server would not have it, when it would not. */
  get rejection(): Extract<ToAgent, { type: 'hello.rejected' }> | null {
    return this.#rejection;
  }

  get held(): HeldAssignments | null {
    return this.#held;
  }

  get assigned(): AssignedTask[] {
    return [...(this.#held?.tasks.values() ?? [])];
  }

  /** Registers when needed and dials; `until(() => agent.isConnected)` says when it is in. */
  async connect(): Promise<void> {
    const { joinToken, serverUrl, name } = this.#options;
    if (this.#identity === null) {
      if (joinToken === undefined) throw new Error(`${name} has neither an identity nor a join token`);
      this.#identity = await registerSimulated(serverUrl, { joinToken, name });
    }
    this.#dial();
  }

  /** Resolves when the predicate holds; it is asked again after everything this agent sends or receives. */
  until(isMet: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ isMet, resolve });
    this.#notice();
    return promise;
  }

  /** The network goes away without a goodbye; the agent dials again unless told not to. */
  drop(): void {
    this.#socket?.terminate();
  }

  /** For what only a test would send. */
  sendRaw(bytes: Buffer): void {
    this.#socket?.send(bytes);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of [this.#retry, this.#flush]) if (timer) clearTimeout(timer);
    this.tasks.close();
    this.#socket?.terminate();
  }

  #dial(): void {
    const url = new URL('/api/v1/agent/link', this.#options.serverUrl);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, { perMessageDeflate: false });
    this.#socket = socket;
    this.#streams = new StreamAcceptor({
      limits: { initialCreditBytes: initialStreamCreditBytes, maxChunkBytes: maxStreamChunkBytes, maxStreams: 1024 },
      carrier: {
        sendBytes: (streamId, payload, sent) => socket.send(encodeStreamFrame(streamId, payload), sent),
        sendSignal: (signal) => this.#send(signal),
      },
      accept: async (stream) => this.engine.serve(stream),
    });
    socket.on('message', (bytes: Buffer) => this.#receive(bytes));
    // The close that follows an error is where it is handled.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#disconnected(socket));
  }

  #disconnected(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#isAccepted = false;
    this.#streams?.close('the link was lost');
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    this.#notice();
    if (this.#isClosed || this.#options.reconnects === false) return;
    const longestMs = Math.min(backOff.longestMs, backOff.firstMs * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#retry = setTimeout(() => this.#dial(), Math.random() * longestMs);
  }

  #receive(bytes: Buffer): void {
    if (this.faults.isFrozen) return;
    const received = receiveLinkFrame(bytes, ToAgentMessage);
    if (received.kind === 'stream') this.#streams?.receiveBytes(received.streamId, received.payload);
    else if (received.kind === 'message') this.#handle(received.message);
    else if (received.kind === 'unknown') this.#send({ type: 'protocol.unknown', received: received.received });
    else throw new Error(`${this.name} received a malformed frame: ${received.reason}`);
    this.#notice();
  }

  #handle(message: ToAgent): void {
    switch (message.type) {
      case 'challenge':
        this.#send({
          type: 'hello',
          nodeId: this.identity.nodeId,
          signature: proveIdentity(this.identity, message.nonce),
          version: this.#options.version ?? 1,
          build: 'simulated',
          facts: { ...simulatedFacts(this.name), ...this.#options.facts },
        });
        return;
      case 'hello.accepted':
        this.#isAccepted = true;
        this.#attempts = 0;
        this.#beat(message.heartbeatMs);
        for (const status of this.tasks.statuses) this.#queue(status);
        return;
      case 'hello.rejected':
        this.#rejection = message;
        this.#socket?.close();
        return;
      case 'payloads.deliver':
        for (const { payloadId, number, data } of message.payloads) this.payloads.set(`${payloadId}.${number}`, Buffer.from(data, 'base64').toString());
        return;
      case 'assignments.sync':
        if (!this.faults.ignoresAssignments) this.#assign(message.assignments);
        return;
      case 'heartbeat.set':
        this.#beat(message.heartbeatMs);
        return;
      case 'protocol.unknown':
        return;
      default:
        this.#streams?.receiveSignal(message);
    }
  }

  #assign(assignments: Assignments): void {
    const applied = applyAssignments(this.#held, assignments);
    if (applied.outcome === 'stale') return;
    if (applied.outcome === 'gap') {
      this.#send({ type: 'assignments.resync', holds: this.#held?.version ?? null });
      return;
    }
    this.#held = applied.held;
    for (const task of applied.changed) this.tasks.apply(task);
    for (const taskId of applied.removed) {
      const status = this.tasks.get(taskId);
      if (status !== undefined && !isFinal(status.state)) this.#options.observe?.({ ...status, state: 'shutdown' });
      this.tasks.forget(taskId);
    }
    this.#send({ type: 'assignments.applied', resultsIn: applied.held.version });
  }

  #beat(everyMs: number): void {
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#send({ type: 'heartbeat' }), everyMs);
  }

  #advance(status: TaskStatusReport): void {
    this.#options.observe?.(status);
    this.#queue(status);
  }

  #queue(status: TaskStatusReport): void {
    this.#unsent.set(status.taskId, status);
    this.#flush ??= setTimeout(() => this.#report(), this.faults.reportDelayMs ?? statusBatchMs);
    this.#notice();
  }

  #report(): void {
    this.#flush = null;
    if (!this.#isAccepted || this.faults.isFrozen) return;
    const statuses = [...this.#unsent.values()].slice(0, maxStatusesPerReport);
    for (const { taskId } of statuses) this.#unsent.delete(taskId);
    this.#send({ type: 'status.report', statuses });
    if (this.faults.duplicatesReports) this.#send({ type: 'status.report', statuses });
    if (this.faults.repeatsOldReports && this.#reportedBefore.length > 0) this.#send({ type: 'status.report', statuses: [...this.#reportedBefore] });
    this.#reportedBefore = statuses;
    if (this.#unsent.size > 0) this.#flush = setTimeout(() => this.#report(), 0);
    this.#notice();
  }

  #send(message: ToServer): void {
    if (this.faults.isFrozen || this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(encodeControlFrame(message));
  }

  #notice(): void {
    this.#waiting = this.#waiting.filter(({ isMet, resolve }) => {
      const met = isMet();
      if (met) resolve();
      return !met;
    });
  }
}

export function simulatedFacts(name: string): NodeFacts {
  return {
    hostname: name,
    operatingSystem: 'Simulated Linux',
    kernel: '6.0.0-simulated',
    architecture: 'x86_64',
    cpus: 4,
    memoryBytes: 8 * 1024 ** 3,
    cgroupVersion: 'v2',
    agentVersion: '0.1.0',
    executorVersion: '0.1.0',
    engineApiVersion: '1.50',
    addresses: ['192.0.2.1'],
    engineSocket: '/run/gantry/engine.sock',
  };
}
