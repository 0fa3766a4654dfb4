import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LOGGER, type Logger } from '../logger.ts';
import { Wakeable } from '../wakeable.ts';
import { type ReportedStatus, TaskStatusRepository } from './task-status.repository.ts';

const batchEveryMs = 100;
const mostPerBatch = 5_000;
/** Beyond this the oldest are dropped: agents say all their latest statuses again after each hello, and sessions are ended for it. */
const mostWaiting = 200_000;

/** Collects statuses of all agents and writes them together: one transaction a tenth of a second, however many agents there are. */
@Injectable()
export class StatusWriter implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #waiting: ReportedStatus[] = [];
  #overflowed: () => void = () => undefined;
  readonly #loop: Wakeable;

  constructor(
    @Inject(TaskStatusRepository) private readonly statuses: TaskStatusRepository,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#loop = new Wakeable(
      () => this.#write(),
      (error) => {
        logger.warn({ err: error, waiting: this.#waiting.length }, 'write task statuses; they are kept and written later');
        return 1_000;
      },
    );
  }

  onApplicationBootstrap(): void {
    this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
  }

  onOverflow(listener: () => void): void {
    this.#overflowed = listener;
  }

  add(statuses: readonly ReportedStatus[]): void {
    if (this.#waiting.length + statuses.length > mostWaiting) {
      this.#waiting = [];
      this.#overflowed();
      return;
    }
    this.#waiting.push(...statuses);
    this.#loop.wake();
  }

  async #write(): Promise<number> {
    if (this.#waiting.length === 0) return 60_000;
    await sleep(batchEveryMs);
    const batch = this.#waiting.slice(0, mostPerBatch);
    await this.statuses.apply(batch);
    this.#waiting.splice(0, batch.length);
    return this.#waiting.length > 0 ? 0 : 60_000;
  }
}
