import { setTimeout as sleep } from 'node:timers/promises';
import type { Assignments, DeliveredPayload, NodeFacts, TaskStatusReport, ToServer } from '@gantry/contracts/agent-link';
import type { NodeId } from '@gantry/contracts/ids';
import { describeError, GantryError } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import { backOffMs } from './back-off.ts';
import type { Identity } from './identity.ts';
import { LinkSession, type SessionEnd } from './link-session.ts';
import { registerNode } from './register.ts';
import type { StatusOutbox } from './status-outbox.ts';
import { connectToEngine } from './tunnel.ts';

const backOff = { firstMs: 100, longestMs: 8_000 };
/** A session this old was a good one: the next attempt starts over at the shortest wait. */
const steadyMs = 10_000;

export interface AgentLinkOptions {
  readonly serverUrl: string;
  readonly joinToken: string | null;
  readonly nodeName: string;
  readonly identity: Identity;
  readonly facts: () => NodeFacts;
  readonly build: string;
  readonly engineSocket: string;
  readonly outbox: StatusOutbox;
  readonly logger: Logger;
  /** Every task's latest status, told after each hello. */
  readonly latestStatuses: () => Iterable<TaskStatusReport>;
  readonly onPayloads: (payloads: readonly DeliveredPayload[]) => void;
  readonly onAssignments: (assignments: Assignments) => ToServer | null;
  readonly onLinkChanged: (isLinked: boolean) => void;
  /** This host has become a node, or another one than it was: what it was assigned before is void. */
  readonly onNewNode: () => void;
}

/** Keeps one session with the control plane for as long as the agent lives. */
export class AgentLink {
  readonly #options: AgentLinkOptions;
  #failures = 0;
  #lastReason = '';
  #mustRegister = false;

  constructor(options: AgentLinkOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        const end = await this.#hold(await this.#ensureRegistered(signal), signal);
        if (signal.aborted) return;
        this.#judge(end, performance.now() - startedAt);
      } catch (error) {
        if (signal.aborted) return;
        this.#fail(describeError(error));
        if (error instanceof GantryError && error.kind === 'user') this.#failures = Number.POSITIVE_INFINITY;
      }
      await sleep(backOffMs(backOff, this.#failures, Math.random()), undefined, { signal }).catch(() => undefined);
    }
  }

  async #ensureRegistered(signal: AbortSignal): Promise<NodeId> {
    const { identity, joinToken, serverUrl, nodeName, logger } = this.#options;
    const known = identity.nodeId;
    if (known !== null && !(this.#mustRegister && joinToken !== null)) return known;
    if (joinToken === null) throw new GantryError('user', 'unauthorized', 'this node has not joined yet and no join token was given (GANTRY_JOIN_TOKEN)');
    const nodeId = await registerNode(serverUrl, { joinToken, publicKey: identity.publicKey, name: nodeName }, { signal });
    if (nodeId !== known) {
      this.#options.onNewNode();
      await identity.rememberNodeId(nodeId);
    }
    this.#mustRegister = false;
    logger.info({ nodeId, serverUrl }, 'registered this node');
    return nodeId;
  }

  async #hold(nodeId: NodeId, signal: AbortSignal): Promise<SessionEnd> {
    const { serverUrl, identity, facts, build, logger, engineSocket, outbox, latestStatuses, onPayloads, onAssignments, onLinkChanged } = this.#options;
    const url = new URL('/api/v1/agent/link', serverUrl);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const session = new LinkSession({
      url,
      nodeId,
      prove: (nonce) => identity.prove(nodeId, nonce),
      facts,
      build,
      logger,
      connectStream: (stream) => connectToEngine(stream, engineSocket),
      onAccepted: (accepted) => {
        logger.info({ nodeId, serverUrl }, 'linked to the control plane');
        this.#lastReason = '';
        outbox.open(accepted, latestStatuses());
        onLinkChanged(true);
      },
      onPayloads,
      onAssignments,
    });
    const leave = () => session.end('the agent is ending');
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await session.ended;
    } finally {
      signal.removeEventListener('abort', leave);
      outbox.close();
      onLinkChanged(false);
    }
  }

  #judge(end: SessionEnd, livedMs: number): void {
    this.#fail(end.reason);
    if (end.wasAccepted && livedMs > steadyMs) this.#failures = 0;
    if (end.rejection === 'unknown-node' && this.#options.joinToken !== null) this.#mustRegister = true;
    // What is left is mended by people, not by haste.
    else if (end.rejection !== null && end.rejection !== 'busy') this.#failures = Number.POSITIVE_INFINITY;
  }

  #fail(reason: string): void {
    this.#failures += 1;
    // A control plane that is away for a day is one line, not ten thousand.
    if (reason !== this.#lastReason) this.#options.logger.warn({ reason }, 'no link to the control plane, trying again');
    this.#lastReason = reason;
  }
}
