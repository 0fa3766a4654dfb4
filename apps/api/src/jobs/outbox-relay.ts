import type { Logger } from '../logger.ts';
import type { Signals } from '../persistence/signals.ts';
import { Wakeable } from '../wakeable.ts';
import type { OutboxRepository } from './outbox.repository.ts';
import type { ReconcileQueue } from './reconcile-queue.ts';

const longestSleepMs = 2_000;

/** Turns outbox rows into jobs: at once when a commit says so, when a later one is due, and on a period in case a signal was lost. */
export class OutboxRelay {
  readonly #outbox: OutboxRepository;
  readonly #queue: ReconcileQueue;
  readonly #loop: Wakeable;

  constructor(outbox: OutboxRepository, queue: ReconcileQueue, signals: Signals, logger: Logger) {
    this.#outbox = outbox;
    this.#queue = queue;
    this.#loop = new Wakeable(
      () => this.#relay(),
      (error) => {
        logger.warn({ err: error }, 'relay the outbox to the queue');
        return longestSleepMs;
      },
    );
    signals.on('signal', ({ subject }) => {
      if (subject === 'outbox') this.#loop.wake();
    });
    signals.on('lapse', () => this.#loop.wake());
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Answers how long to sleep. */
  async #relay(): Promise<number> {
    while ((await this.#outbox.relay((wakes) => this.#queue.add(wakes))) > 0);
    const dueAt = await this.#outbox.findNextDueAt();
    return dueAt === null ? longestSleepMs : Math.min(Math.max(dueAt.getTime() - Date.now(), 1), longestSleepMs);
  }
}
