import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type AssignedTask, type DeliveredPayload, type NodeFacts, RegisterRequest, type TaskStatusReport, type ToServer } from '@gantry/contracts/agent-link';
import { NodeId, SessionId, type TaskId, toSwarmId } from '@gantry/contracts/ids';
import { WebSocketServer } from 'ws';
import { AgentConnection, isSignedBy } from './agent-connection.ts';

interface RegisteredNode {
  readonly nodeId: NodeId;
  readonly publicKey: string;
  readonly name: string;
  version: string;
  tasks: Map<TaskId, AssignedTask>;
  /** Sent before the tasks. */
  payloads: DeliveredPayload[];
  readonly statuses: Map<TaskId, TaskStatusReport>;
  /** Every report in order, repeats included. */
  readonly reports: TaskStatusReport[];
  readonly messages: ToServer[];
  facts: NodeFacts | null;
  connection: AgentConnection | null;
}

/** The server end of the agent link, in memory: enough to drive real and simulated agents without Postgres. */
export class TestControlPlane {
  readonly joinToken = randomBytes(12).toString('hex');
  readonly nodes = new Map<NodeId, RegisteredNode>();
  generation = 1;
  heartbeatMs = 1_000;
  /** When set, hellos are answered so. */
  rejects: 'unknown-node' | 'bad-signature' | 'version' | 'busy' | null = null;
  readonly #http: Server;
  readonly #connections = new Set<AgentConnection>();
  #waiting: { isMet: () => boolean; resolve: () => void }[] = [];

  private constructor() {
    this.#http = createServer((request, response) => {
      this.#register(request).then(
        ({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
        (error: unknown) => response.writeHead(400).end(String(error)),
      );
    });
    const links = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    this.#http.on('upgrade', (request, socket, head) => {
      links.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = new AgentConnection(webSocket, {
          message: (from, message) => this.#receive(from, message),
          closed: (gone) => this.#closed(gone),
        });
        this.#connections.add(connection);
      });
    });
  }

  /** Port 0 takes a free one. */
  static async listen(options: { host?: string; port?: number } = {}): Promise<TestControlPlane> {
    const plane = new TestControlPlane();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    plane.#http.once('error', reject);
    plane.#http.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    await promise;
    return plane;
  }

  get port(): number {
    const address = this.#http.address() as AddressInfo | null; // listening on TCP
    if (address === null) throw new Error('the control plane is not listening');
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The node, when only one has registered. */
  get node(): RegisteredNode {
    const [node] = this.nodes.values();
    if (node === undefined || this.nodes.size > 1) throw new Error(`expected one node, there are ${this.nodes.size}`);
    return node;
  }

  status(taskId: TaskId): TaskStatusReport | undefined {
    for (const node of this.nodes.values()) {
      const status = node.statuses.get(taskId);
      if (status !== undefined) return status;
    }
    return undefined;
  }

  /** Resolves when the predicate holds; it is asked again after every message and every connection made or lost. */
  until(isMet: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ isMet, resolve });
    this.#notice();
    return promise;
  }

  /** Changes the node's assignments, and tells it when it is connected. */
  assign(node: RegisteredNode, change: { update?: AssignedTask[]; remove?: TaskId[]; payloads?: DeliveredPayload[] }): void {
    const { update = [], remove = [], payloads = [] } = change;
    node.payloads.push(...payloads);
    if (payloads.length > 0) node.connection?.send({ type: 'payloads.deliver', payloads });
    const appliesTo = node.version;
    node.version = randomBytes(8).toString('hex');
    for (const task of update) node.tasks.set(task.taskId, task);
    for (const taskId of remove) node.tasks.delete(taskId);
    node.connection?.send({
      type: 'assignments.sync',
      assignments: { kind: 'incremental', generation: this.generation, appliesTo, resultsIn: node.version, update, remove },
    });
  }

  sendComplete(node: RegisteredNode): void {
    if (node.payloads.length > 0) node.connection?.send({ type: 'payloads.deliver', payloads: node.payloads });
    node.connection?.send({
      type: 'assignments.sync',
      assignments: { kind: 'complete', generation: this.generation, appliesTo: null, resultsIn: node.version, update: [...node.tasks.values()], remove: [] },
    });
  }

  dropAll(): void {
    for (const connection of this.#connections) connection.terminate();
  }

  async close(): Promise<void> {
    this.dropAll();
    this.#http.closeAllConnections();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#http.close(() => resolve());
    await promise;
  }

  async #register(request: IncomingMessage): Promise<{ status: number; body: object }> {
    if (request.url !== '/api/v1/agent/register' || request.method !== 'POST') return { status: 404, body: { title: 'not found' } };
    const { joinToken, publicKey, name } = RegisterRequest.parse(JSON.parse(await text(request)));
    if (joinToken !== this.joinToken) return { status: 401, body: { title: 'the join token is not valid' } };
    const known = [...this.nodes.values()].find((node) => node.publicKey === publicKey);
    const nodeId = known?.nodeId ?? NodeId.parse(toSwarmId(randomBytes(25)));
    if (known === undefined) {
      const version = randomBytes(8).toString('hex');
      this.nodes.set(nodeId, {
        nodeId,
        publicKey,
        name,
        version,
        tasks: new Map(),
        payloads: [],
        statuses: new Map(),
        reports: [],
        messages: [],
        facts: null,
        connection: null,
      });
    }
    return { status: 200, body: { nodeId } };
  }

  #receive(connection: AgentConnection, message: ToServer): void {
    const node = this.nodes.get(message.type === 'hello' ? message.nodeId : (connection.nodeId ?? ('' as NodeId))); // no node has the empty id
    if (message.type === 'hello') this.#hello(connection, node, message);
    if (node !== undefined) {
      node.messages.push(message);
      if (message.type === 'status.report') {
        for (const status of message.statuses) {
          node.statuses.set(status.taskId, status);
          node.reports.push(status);
        }
      }
      if (message.type === 'assignments.resync') this.sendComplete(node);
    }
    this.#notice();
  }

  #hello(connection: AgentConnection, node: RegisteredNode | undefined, hello: Extract<ToServer, { type: 'hello' }>): void {
    const refusal = this.rejects ?? this.#judge(connection, node, hello);
    if (refusal !== null || node === undefined) {
      const code = refusal ?? 'unknown-node';
      connection.send({ type: 'hello.rejected', code, reason: `refused: ${code}` });
      return;
    }
    node.connection?.terminate();
    node.connection = connection;
    node.facts = hello.facts;
    connection.accept(node.nodeId, SessionId.parse(toSwarmId(randomBytes(25))), this.heartbeatMs);
    this.sendComplete(node);
  }

  #judge(connection: AgentConnection, node: RegisteredNode | undefined, hello: Extract<ToServer, { type: 'hello' }>): TestControlPlane['rejects'] {
    if (node === undefined) return 'unknown-node';
    return isSignedBy(node.publicKey, node.nodeId, connection.nonce, hello.signature) ? null : 'bad-signature';
  }

  #closed(connection: AgentConnection): void {
    this.#connections.delete(connection);
    for (const node of this.nodes.values()) if (node.connection === connection) node.connection = null;
    this.#notice();
  }

  #notice(): void {
    this.#waiting = this.#waiting.filter(({ isMet, resolve }) => {
      const met = isMet();
      if (met) resolve();
      return !met;
    });
  }
}
