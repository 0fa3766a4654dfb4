import type { DeadLetter, DeadLetterListQuery } from '@gantry/contracts/http-api';
import { notFound } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { decodeCursor, type Page, toPage } from '../../http/cursor.ts';
import { FailingRunRepository, type FailingRunRow } from '../../jobs/failing-run.repository.ts';
import { recordChanges } from '../../persistence/changes.ts';
import { Database } from '../../persistence/database.ts';

function toDeadLetter({ loop, key, error, failures, firstFailedAt, lastFailedAt }: FailingRunRow): DeadLetter {
  return { loop, key, error, failures, firstFailedAt: firstFailedAt.toISOString(), lastFailedAt: lastFailedAt.toISOString() };
}

@Injectable()
export class DeadLetterService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(FailingRunRepository) private readonly runs: FailingRunRepository,
  ) {}

  async list(query: DeadLetterListQuery): Promise<Page<DeadLetter>> {
    const [loop, key] = decodeCursor(query.cursor, 2) ?? [];
    const rows = await this.runs.listDead(query.loop, loop === undefined || key === undefined ? null : { loop, key }, query.limit + 1);
    return toPage(rows, query.limit, (row) => [row.loop, row.key], toDeadLetter);
  }

  /** Its reconciler looks at once. What comes of it is in the list: it is gone, or has failed once more. */
  run(loop: string, key: string): Promise<DeadLetter> {
    return this.database.transaction(async (transaction) => {
      const row = await this.runs.findDead(transaction, loop, key);
      if (row === null) throw notFound(`there is no dead letter ${loop} ${key}`);
      await recordChanges(transaction, { wake: [{ loop, key }] });
      return toDeadLetter(row);
    });
  }
}
