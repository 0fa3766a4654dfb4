import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { CONFIG, type Config } from '../config.ts';
import { LOGGER, type Logger } from '../logger.ts';
import { carryOutOnce } from './conditions.ts';
import { type Prisma, PrismaClient } from './generated/client.ts';

/** The client inside a transaction; repositories take it, use cases only pass it on. */
export type Transaction = Prisma.TransactionClient;

/**
 * A pool each for what answers requests, what decides, and what agents report, so that none of them starves another. Postgres takes 100
 * connections by default, and replicas share them.
 */
const poolSize = 10;
const linkPoolSize = 6;
/** For a connection of the pool too: on a busy machine an answer that comes late is better than none. */
const connectWithinMs = 10_000;
const transactionWithinMs = 60_000;

@Injectable()
export class Database implements OnApplicationShutdown {
  /** Outside a transaction: reads, and single statements. */
  readonly client: PrismaClient;
  readonly #pool: Pool;

  protected get poolSize(): number {
    return poolSize;
  }

  constructor(@Inject(CONFIG) config: Config, @Inject(LOGGER) logger: Logger) {
    this.#pool = new Pool({
      connectionString: config.databaseUrl,
      max: this.poolSize,
      connectionTimeoutMillis: connectWithinMs,
      application_name: 'gantry-api',
    });
    // an idle connection that breaks is replaced by the pool; whoever uses one gets the error itself
    this.#pool.on('error', (error) => logger.warn({ err: error }, 'lost an idle database connection'));
    this.client = new PrismaClient({ adapter: new PrismaPg(this.#pool) });
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.client.$transaction((transaction) => carryOutOnce(transaction, work), { maxWait: connectWithinMs, timeout: transactionWithinMs });
  }

  async isReachable(): Promise<boolean> {
    try {
      await this.client.$queryRaw`select 1`;
      return true;
    } catch {
      return false;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.client.$disconnect();
    await this.#pool.end();
  }
}

/** The same database for what agents say: a thousand of them that connect at once, or report at once, do not keep a request waiting. */
@Injectable()
export class LinkDatabase extends Database {
  protected override get poolSize(): number {
    return linkPoolSize;
  }
}
