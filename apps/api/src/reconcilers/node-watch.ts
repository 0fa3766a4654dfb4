import { missedHeartbeats } from '@gantry/domain/node';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Dispatcher } from '../dispatcher/dispatcher.ts';
import { LOGGER, type Logger } from '../logger.ts';
import { Wakeable } from '../wakeable.ts';
import { NodeStateRepository } from './node-state.repository.ts';

/** The longest that an agent waits before it dials again, and some more for a handshake among many. */
const reconnectMs = 12_000;

/**
 * Declares nodes down that no replica has heard of. It trusts the written signs of life only when it has itself watched without a gap for
 * the whole grace: after a restart of the api or of Postgres every sign is old, and no node is to blame. Who has not been heard since then may
 * be waiting to dial again, and is given time for that.
 */
@Injectable()
export class NodeWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #loop: Wakeable;
  #watchingSince = Number.POSITIVE_INFINITY;
  #lastLookAt = 0;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(NodeStateRepository) private readonly nodes: NodeStateRepository,
  ) {
    this.#loop = new Wakeable(
      () => this.#look(),
      (error) => {
        this.logger.warn({ err: error }, 'look for silent nodes');
        return this.dispatcher.heartbeatMs;
      },
    );
  }

  onApplicationBootstrap(): void {
    this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
  }

  async #look(): Promise<number> {
    const { heartbeatMs } = this.dispatcher;
    const graceMs = heartbeatMs * missedHeartbeats;
    const startedAt = Date.now();
    const hasGap = startedAt - this.#lastLookAt > heartbeatMs * 2;
    if (hasGap) this.#watchingSince = startedAt;
    if (startedAt - this.#watchingSince >= graceMs) {
      const silent = await this.nodes.markSilent({
        silentMs: graceMs,
        watchedMs: startedAt - this.#watchingSince,
        unheardMs: graceMs + reconnectMs,
        // their signs of life may be waiting to be written down
        heard: this.dispatcher.findHeardSince(startedAt - graceMs),
      });
      if (silent.length > 0) this.logger.warn({ nodes: silent }, 'nodes are down');
    } else {
      // proves that the database answers: an unanswered look is a gap
      await this.nodes.findIds();
    }
    this.#lastLookAt = startedAt;
    return heartbeatMs / 2;
  }
}
