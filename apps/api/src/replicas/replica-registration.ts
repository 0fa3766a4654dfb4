import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.ts';
import { LOGGER, type Logger } from '../logger.ts';
import { Wakeable } from '../wakeable.ts';
import { ReplicaRepository } from './replica.repository.ts';

const sayEveryMs = 10_000;
const forgottenAfterMs = 60_000;

/** Keeps this process's row among the replicas for as long as it lives. */
@Injectable()
export class ReplicaRegistration implements BeforeApplicationShutdown {
  readonly #secret = randomBytes(32).toString('base64url');
  readonly #loop: Wakeable;
  #url = '';

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) logger: Logger,
    @Inject(ReplicaRepository) private readonly replicas: ReplicaRepository,
  ) {
    this.#loop = new Wakeable(
      () => this.#say(),
      (error) => {
        logger.warn({ err: error }, 'say that this replica lives');
        return sayEveryMs / 10;
      },
    );
  }

  /** Once the port is known. */
  announce(boundUrl: string): void {
    this.#url = this.config.replicaUrl ?? boundUrl;
    this.#loop.start();
  }

  isOwnSecret(secret: string): boolean {
    const [given, own] = [Buffer.from(secret), Buffer.from(this.#secret)];
    return given.length === own.length && timingSafeEqual(given, own);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
    // a database that is away forgets the row by its age
    await this.replicas.delete(this.config.replicaId).catch(() => undefined);
  }

  async #say(): Promise<number> {
    await this.replicas.put(this.config.replicaId, { url: this.#url, secret: this.#secret });
    await this.replicas.deleteUnseen(forgottenAfterMs);
    return sayEveryMs;
  }
}
