import { failuresOfDeadLetter } from '@gantry/contracts/http-api';
import { describeError } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { recordChanges } from '../persistence/changes.ts';
import { Database, type Transaction } from '../persistence/database.ts';
import type { FailingRun } from '../persistence/generated/client.ts';

export type FailingRunRow = FailingRun;

/** Before the second try, and twice as long before each one after it. */
const firstRetryMs = 500;
const longestError = 4_096;
const mostRemembered = 10_000;

/** Runs of reconcilers that failed: written down, tried again with a back-off, and from the fifth time on by the period alone. */
@Injectable()
export class FailingRunRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async record(loop: string, key: string, error: unknown): Promise<void> {
    await this.database.transaction(async (transaction) => {
      const [row] = await transaction.$queryRaw<{ failures: number }[]>`
        insert into failing_run as f (loop, key, error, failures) values (${loop}, ${key}, ${describeError(error).slice(0, longestError)}, 1)
        on conflict (loop, key) do update set error = excluded.error, failures = f.failures + 1, last_failed_at = now() returning failures`;
      const failures = row?.failures ?? failuresOfDeadLetter;
      if (failures >= failuresOfDeadLetter) return;
      await recordChanges(transaction, { wake: [{ loop, key, dueAt: new Date(Date.now() + firstRetryMs * 2 ** (failures - 1)) }] });
    });
  }

  async forget(loop: string, key: string): Promise<void> {
    await this.database.client.failingRun.deleteMany({ where: { loop, key } });
  }

  /** Of keys that are gone nobody reports a success. */
  async forgetOlderThan(at: Date): Promise<void> {
    await this.database.client.failingRun.deleteMany({ where: { lastFailedAt: { lt: at } } });
  }

  async findKeys(): Promise<{ loop: string; key: string }[]> {
    return this.database.client.failingRun.findMany({ select: { loop: true, key: true }, take: mostRemembered });
  }

  /** By loop and key, from after those. */
  listDead(loop: string | undefined, after: { loop: string; key: string } | null, limit: number): Promise<FailingRunRow[]> {
    const AND = [
      { failures: { gte: failuresOfDeadLetter } },
      ...(loop === undefined ? [] : [{ loop }]),
      ...(after === null ? [] : [{ OR: [{ loop: { gt: after.loop } }, { loop: after.loop, key: { gt: after.key } }] }]),
    ];
    return this.database.client.failingRun.findMany({ where: { AND }, orderBy: [{ loop: 'asc' }, { key: 'asc' }], take: limit });
  }

  findDead(transaction: Transaction, loop: string, key: string): Promise<FailingRunRow | null> {
    return transaction.failingRun.findFirst({ where: { loop, key, failures: { gte: failuresOfDeadLetter } } });
  }
}
