import { Inject, Injectable } from '@nestjs/common';
import { recordChanges } from '../persistence/changes.ts';
import { Database } from '../persistence/database.ts';

const tasksPerRun = 5_000;
const auditDays = 90;

@Injectable()
export class ReaperRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Of the tasks that ended in one place, all but the latest `kept` go, with what their nodes still have of them. */
  async deleteHistory(kept: number): Promise<number> {
    return this.database.transaction(async (transaction) => {
      const rows = await transaction.$queryRaw<{ id: string; node_id: string | null }[]>`
        delete from task where id in (
          select id from (
            select t.id, row_number() over (partition by t.service_id, t.slot, case when t.slot = 0 then t.node_id end order by t.created_at desc) as place
            from task t where t.desired_state <> 'running' and t.state >= 'complete' and t.run_number is null
          ) ended where place > ${kept} limit ${tasksPerRun}
        ) returning id, node_id`;
      await recordChanges(transaction, { tasks: rows.map((row) => row.id), assignments: rows.flatMap((row) => row.node_id ?? []) });
      return rows.length;
    });
  }

  /** Tasks that were given away and whose node has been gone for so long are written off; if it returns, it is told to end them all the same. */
  async orphanTasks(goneMs: number): Promise<number> {
    return this.database.transaction(async (transaction) => {
      const rows = await transaction.$queryRaw<{ id: string; service_id: string }[]>`
        update task t set state = 'orphaned', message = 'its node has been down for too long', status_at = now(), version = t.version + 1, updated_at = now()
        from node n where n.id = t.node_id and n.state = 'down' and n.last_seen_at < now() - make_interval(secs => ${goneMs / 1_000}::float8)
          and t.state > 'pending' and t.state < 'complete' and t.desired_state <> 'running'
        returning t.id, t.service_id`;
      const wake = [...new Set(rows.map((row) => row.service_id))].map((key) => ({ loop: 'service', key }));
      await recordChanges(transaction, { tasks: rows.map((row) => row.id), wake });
      return rows.length;
    });
  }

  async deleteExpired(): Promise<void> {
    const { client } = this.database;
    const now = new Date();
    await client.session.deleteMany({ where: { expiresAt: { lt: now } } });
    await client.idempotencyKey.deleteMany({ where: { expiresAt: { lt: now } } });
    await client.joinToken.deleteMany({ where: { expiresAt: { lt: now } } });
    await client.auditEntry.deleteMany({ where: { at: { lt: new Date(now.getTime() - auditDays * 86_400_000) } } });
  }
}
