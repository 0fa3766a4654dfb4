import type { ToServer } from '@gantry/contracts/agent-link';
import type { NodeId } from '@gantry/contracts/ids';
import { missedHeartbeats, planHeartbeatMs } from '@gantry/domain/node';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG, type Config } from '../config.ts';
import { LOGGER, type Logger } from '../logger.ts';
import { Signals } from '../persistence/signals.ts';
import { Wakeable } from '../wakeable.ts';
import { AgentNodeRepository } from './agent-node.repository.ts';
import type { AgentSession } from './agent-session.ts';
import { AssignmentRepository, type NodeAssignment } from './assignment.repository.ts';
import { PayloadReader } from './payload-reader.ts';
import { StatusWriter } from './status-writer.ts';

/** Assignments of so many nodes are read together. */
const nodesPerRead = 200;

/** Every session of this replica: brings assignments down, takes statuses and signs of life up. */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #sessions = new Map<NodeId, AgentSession>();
  readonly #dirty = new Set<NodeId>();
  readonly #heard = new Set<NodeId>();
  readonly #assigning: Wakeable;
  readonly #watching: Wakeable;
  #heartbeatMs: number;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Signals) private readonly signals: Signals,
    @Inject(AgentNodeRepository) private readonly nodes: Pick<AgentNodeRepository, 'touch' | 'countNodes' | 'updateFacts' | 'findGenerations'>,
    @Inject(AssignmentRepository) private readonly assignments: Pick<AssignmentRepository, 'findOfNodes' | 'toAssignedTasks'>,
    @Inject(PayloadReader) private readonly payloads: Pick<PayloadReader, 'findFor'>,
    @Inject(StatusWriter) private readonly statuses: Pick<StatusWriter, 'add' | 'onOverflow'>,
  ) {
    this.#heartbeatMs = config.heartbeatMs;
    this.#assigning = new Wakeable(
      () => this.#assign(),
      (error) => {
        logger.warn({ err: error }, 'send assignments');
        return 1_000;
      },
    );
    this.#watching = new Wakeable(
      () => this.#watch(),
      (error) => {
        logger.warn({ err: error }, 'record signs of life');
        return 1_000;
      },
    );
  }

  get heartbeatMs(): number {
    return this.#heartbeatMs;
  }

  onApplicationBootstrap(): void {
    this.signals.on('signal', ({ subject, ids }) => {
      if (subject === 'assignments') this.#markDirty(ids);
      if (subject === 'session') void this.#endSuperseded(ids);
    });
    this.signals.on('lapse', () => {
      this.#markDirty([...this.#sessions.keys()]);
      void this.#endSuperseded([...this.#sessions.keys()]);
    });
    this.statuses.onOverflow(() => {
      for (const session of this.#sessions.values()) session.close('the control plane can not write statuses');
    });
    this.#assigning.start();
    this.#watching.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.#assigning.stop(), this.#watching.stop()]);
    for (const session of this.#sessions.values()) session.close('the control plane is going down');
  }

  find(nodeId: NodeId): AgentSession | null {
    return this.#sessions.get(nodeId) ?? null;
  }

  /** Whose agents this replica has heard since then, written down or not. */
  findHeardSince(at: number): NodeId[] {
    return [...this.#sessions.values()].filter((session) => session.lastHeardAt >= at).map((session) => session.nodeId);
  }

  /** A newer session takes an older one's place: the older is a connection that has not noticed its own end. */
  begin(session: AgentSession): void {
    this.#sessions.get(session.nodeId)?.close('the agent has connected again');
    this.#sessions.set(session.nodeId, session);
    this.#heard.add(session.nodeId);
    this.#markDirty([session.nodeId]);
  }

  end(session: AgentSession): void {
    session.streams.close('the agent has disconnected');
    if (this.#sessions.get(session.nodeId) === session) this.#sessions.delete(session.nodeId);
  }

  receive(session: AgentSession, message: ToServer): void {
    session.lastHeardAt = Date.now();
    this.#heard.add(session.nodeId);
    switch (message.type) {
      case 'status.report':
        this.statuses.add(message.statuses.map((status) => ({ ...status, nodeId: session.nodeId })));
        return;
      case 'assignments.resync':
        session.sent = null;
        this.#markDirty([session.nodeId]);
        return;
      case 'facts.report':
        this.nodes
          .updateFacts(session.nodeId, message.facts)
          .catch((error: unknown) => this.logger.warn({ err: error, nodeId: session.nodeId }, 'record a node’s facts'));
        return;
      case 'stream.opened':
      case 'stream.credit':
      case 'stream.end':
      case 'stream.reset':
        session.receive(message);
        return;
      case 'protocol.unknown':
        this.logger.warn({ nodeId: session.nodeId, received: message.received }, 'the agent does not know a message of ours');
        return;
      case 'hello':
      case 'heartbeat':
      case 'assignments.applied':
        return;
    }
  }

  #markDirty(nodeIds: readonly string[]): void {
    for (const nodeId of nodeIds) {
      const session = this.#sessions.get(nodeId as NodeId); // a lookup by an id that may be no node of ours
      if (session !== undefined) this.#dirty.add(session.nodeId);
    }
    if (this.#dirty.size > 0) this.#assigning.wake();
  }

  async #assign(): Promise<number> {
    const failed: NodeId[] = [];
    let failure: unknown = null;
    while (this.#dirty.size > 0) {
      const nodeIds = [...this.#dirty].slice(0, nodesPerRead);
      for (const nodeId of nodeIds) this.#dirty.delete(nodeId);
      // what is read may not reach a session that began since, or one that has asked for everything: they are dirty again
      const sessions = nodeIds.flatMap((nodeId) => this.#sessions.get(nodeId) ?? []).map((session) => ({ session, before: session.sent }));
      const assigned = await this.assignments.findOfNodes(nodeIds).catch((error: unknown) => {
        failure = error;
        failed.push(...nodeIds);
        return null;
      });
      if (assigned === null) break;
      const byNode = Map.groupBy(assigned, (assignment) => assignment.nodeId);
      for (const { session, before } of sessions) {
        await this.#sendChange(session, before, byNode.get(session.nodeId) ?? []).catch((error: unknown) => {
          failure = error;
          failed.push(session.nodeId);
        });
      }
    }
    // again after a pause; meanwhile all others have had theirs
    for (const nodeId of failed) this.#dirty.add(nodeId);
    if (failure !== null) throw failure;
    return this.config.reconcileMs;
  }

  async #sendChange(session: AgentSession, before: AgentSession['sent'], wanted: readonly NodeAssignment[]): Promise<void> {
    const changed = wanted.filter(({ taskId, fingerprint }) => before?.get(taskId) !== fingerprint);
    const now = new Map<string, string>(wanted.map(({ taskId, fingerprint }) => [taskId, fingerprint]));
    const remove = [...(before?.keys() ?? [])].filter((taskId) => !now.has(taskId));
    if (before !== null && changed.length === 0 && remove.length === 0) return;
    const update = await this.assignments.toAssignedTasks(changed);
    const payloads = await this.payloads.findFor(update);
    if (this.#sessions.get(session.nodeId) !== session || session.sent !== before) return;
    session.sendPayloads(payloads);
    session.sendAssignments({ update, remove: remove as (typeof update)[number]['taskId'][] }); // the keys are TaskIds that were sent
    session.sent = now;
  }

  /** Writes down who was heard, gives up who was not, and keeps the heartbeat in proportion to the cluster. */
  async #watch(): Promise<number> {
    const heard = [...this.#heard];
    this.#heard.clear();
    try {
      if (heard.length > 0) await this.nodes.touch(heard);
    } catch (error) {
      for (const nodeId of heard) this.#heard.add(nodeId);
      throw error;
    }
    const silentSince = Date.now() - this.#heartbeatMs * missedHeartbeats;
    for (const session of this.#sessions.values()) if (session.lastHeardAt < silentSince) session.close('the agent has gone silent');
    const heartbeatMs = planHeartbeatMs(await this.nodes.countNodes(), this.config.heartbeatMs);
    if (heartbeatMs !== this.#heartbeatMs) {
      this.#heartbeatMs = heartbeatMs;
      for (const session of this.#sessions.values()) session.send({ type: 'heartbeat.set', heartbeatMs });
    }
    return heartbeatMs / 2;
  }

  /** Sessions that another replica has taken over; a node that was removed has none. */
  async #endSuperseded(nodeIds: readonly string[]): Promise<void> {
    const ours = nodeIds.flatMap((nodeId) => this.#sessions.get(nodeId as NodeId) ?? []); // a lookup by an id that may be no node of ours
    if (ours.length === 0) return;
    try {
      const generations = await this.nodes.findGenerations(ours.map((session) => session.nodeId));
      for (const session of ours) {
        const generation = generations.get(session.nodeId);
        if (generation === undefined || generation > session.generation) session.close('the agent has connected elsewhere');
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'look for sessions that were taken over');
    }
  }
}
