import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG, type Config } from '../config.ts';
import { FailingRunRepository } from '../jobs/failing-run.repository.ts';
import { OutboxRepository } from '../jobs/outbox.repository.ts';
import { OutboxRelay } from '../jobs/outbox-relay.ts';
import { ReconcileQueue } from '../jobs/reconcile-queue.ts';
import { LOGGER, type Logger } from '../logger.ts';
import { Signals } from '../persistence/signals.ts';
import { Wakeable } from '../wakeable.ts';
import { RECONCILERS } from './index.ts';
import type { Reconciler } from './reconciler.ts';

const concurrency = 8;
/**
 * A key rests for so many times as long as its run took: what changes all the time, as a service does on its way to 30,000 tasks, is looked at
 * for a part of the time only, and small ones hardly wait.
 */
const rest = { factor: 2, mostMs: 1_000 };

/** A key that has not failed for so long is gone, or there is nothing wrong with it any more. */
const forgottenAfterMs = 3_600_000;

/** Runs the reconcilers: when woken through the queue, and every one on a period. What fails is logged here and comes round again. */
@Injectable()
export class ReconcilerDriver implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Keys whose latest run failed, here or at another replica. */
  #failingKeys = new Set<string>();
  /** When a key may run again; those that may are forgotten. */
  readonly #restingUntil = new Map<string, number>();
  readonly #byLoop: ReadonlyMap<string, Reconciler>;
  readonly #queue: ReconcileQueue;
  readonly #relay: OutboxRelay;
  readonly #period: Wakeable;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Signals) signals: Signals,
    @Inject(OutboxRepository) outbox: OutboxRepository,
    @Inject(FailingRunRepository) private readonly failing: FailingRunRepository,
    @Inject(RECONCILERS) reconcilers: readonly Reconciler[],
  ) {
    this.#byLoop = new Map(reconcilers.map((reconciler) => [reconciler.loop, reconciler]));
    this.#queue = new ReconcileQueue(config, (error) => logger.warn({ err: error }, 'the queue of reconcilers is in trouble'));
    this.#relay = new OutboxRelay(outbox, this.#queue, signals, logger);
    this.#period = new Wakeable(
      () => this.#wakeAll(),
      (error) => {
        logger.warn({ err: error }, 'wake the reconcilers on their period');
        return config.reconcileMs;
      },
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#queue.work((loop, key) => this.#run(loop, key), concurrency);
    this.#relay.start();
    this.#period.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#period.stop();
    await this.#relay.stop();
    await this.#queue.close();
  }

  async #wakeAll(): Promise<number> {
    await this.failing.forgetOlderThan(new Date(Date.now() - forgottenAfterMs));
    this.#failingKeys = new Set((await this.failing.findKeys()).map(({ loop, key }) => `${loop}/${key}`));
    for (const reconciler of this.#byLoop.values()) {
      const keys = await reconciler.keys();
      if (keys.length > 0) await this.#queue.add(keys.map((key) => ({ loop: reconciler.loop, key })));
    }
    return this.config.reconcileMs;
  }

  async #run(loop: string, key: string): Promise<void> {
    const reconciler = this.#byLoop.get(loop);
    if (reconciler === undefined) {
      this.logger.warn({ loop, key }, 'a job is for a reconciler that this version does not have');
      return;
    }
    const name = `${loop}/${key}`;
    await sleep(Math.max((this.#restingUntil.get(name) ?? 0) - performance.now(), 0));
    const startedAt = performance.now();
    try {
      await reconciler.reconcile(key);
      if (this.#failingKeys.delete(name)) await this.failing.forget(loop, key);
    } catch (error) {
      this.logger.warn({ err: error, loop, key }, 'reconcile');
      this.#failingKeys.add(name);
      await this.failing.record(loop, key, error).catch((cause: unknown) => this.logger.warn({ err: cause, loop, key }, 'write down that a run failed'));
    }
    const tookMs = performance.now() - startedAt;
    this.logger.debug({ loop, key, ms: Math.round(tookMs) }, 'reconciled');
    this.#rest(name, Math.min(tookMs * rest.factor, rest.mostMs));
  }

  #rest(name: string, forMs: number): void {
    const now = performance.now();
    this.#restingUntil.delete(name);
    this.#restingUntil.set(name, now + forMs);
    // oldest first: the first that still rests is not far from the others that do
    for (const [other, until] of this.#restingUntil) {
      if (until > now) break;
      this.#restingUntil.delete(other);
    }
  }
}
