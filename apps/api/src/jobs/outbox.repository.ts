import { Inject, Injectable } from '@nestjs/common';
import type { Wake } from '../persistence/changes.ts';
import { Database } from '../persistence/database.ts';

const batchSize = 500;

@Injectable()
export class OutboxRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * Hands due rows to `deliver` and forgets them when it succeeds; answers how many there were. A crash in between delivers them again.
   * Replicas that relay at once take different rows.
   */
  relay(deliver: (wakes: Wake[]) => Promise<void>): Promise<number> {
    return this.database.transaction(async (transaction) => {
      const rows = await transaction.$queryRaw<{ loop: string; key: string }[]>`
        delete from outbox where id in (select id from outbox where due_at <= now() order by id limit ${batchSize} for update skip locked)
        returning loop, key`;
      if (rows.length === 0) return 0;
      const distinct = new Map(rows.map((row) => [`${row.loop}/${row.key}`, { loop: row.loop, key: row.key }]));
      await deliver([...distinct.values()]);
      return rows.length;
    });
  }

  async findNextDueAt(): Promise<Date | null> {
    const next = await this.database.client.outbox.findFirst({ orderBy: { dueAt: 'asc' }, select: { dueAt: true } });
    return next?.dueAt ?? null;
  }
}
