import { ServiceSpec } from '@gantry/contracts/http-api';
import { type DependencyStatus, explainWaiting } from '@gantry/domain/service';
import { Injectable } from '@nestjs/common';
import type { Wake } from '../persistence/changes.ts';
import type { Transaction } from '../persistence/database.ts';
import { wholeCluster } from './reconciler.ts';

const DependsOn = ServiceSpec.shape.dependsOn;

/** Tasks that wait for other services. */
export interface WaitingTasks {
  readonly serviceId: string;
  readonly revision: number;
  readonly reason: string;
}

interface StatusRow {
  name: string;
  desired: number;
  started: number;
  running: number;
  completed: number;
  run_state: string | null;
}

function toStatus({ desired, started, running, completed, run_state }: StatusRow): DependencyStatus {
  return { desired, started, running, isComplete: run_state === null ? desired > 0 && completed >= desired : run_state === 'complete' };
}

/** What services wait for before their tasks may start. */
@Injectable()
export class DependencyRepository {
  /** Of services with pending tasks, those that must wait: none of the revision's tasks has ever run, or they are a job's. */
  async findWaiting(transaction: Transaction): Promise<WaitingTasks[]> {
    const rows = await transaction.$queryRaw<{ service_id: string; revision: number; depends_on: unknown }[]>`
      select p.service_id, p.revision, r.spec->'dependsOn' as depends_on
      from (select distinct t.service_id, t.revision from task t join service s on s.id = t.service_id
            where t.state = 'pending' and t.desired_state = 'running' and s.spec->'dependsOn' is not null) p
      join service s on s.id = p.service_id join service_revision r on r.service_id = p.service_id and r.number = p.revision
      where s.spec->'mode'->>'type' in ('job', 'cron')
        or not exists (select from task t where t.service_id = p.service_id and t.revision = p.revision and t.running_at is not null)`;
    const asked = rows.map((row) => ({ serviceId: row.service_id, revision: row.revision, dependsOn: DependsOn.parse(row.depends_on ?? []) ?? [] }));
    const statuses = await this.#findStatuses(
      transaction,
      asked.flatMap(({ dependsOn }) => dependsOn.map(({ service }) => service)),
    );
    return asked.flatMap(({ serviceId, revision, dependsOn }) => {
      const reason = explainWaiting(dependsOn, (name) => statuses.get(name) ?? null);
      return reason === null ? [] : { serviceId, revision, reason: reason.slice(0, 1_000) };
    });
  }

  /** Says so in their tasks; answers those for which it is news. */
  async explain(transaction: Transaction, waiting: readonly WaitingTasks[]): Promise<{ id: string; serviceId: string }[]> {
    if (waiting.length === 0) return [];
    const rows = await transaction.$queryRaw<{ id: string; service_id: string }[]>`
      update task t set message = v.reason, version = t.version + 1, updated_at = now()
      from unnest(${waiting.map((w) => w.serviceId)}::text[], ${waiting.map((w) => w.revision)}::int[], ${waiting.map((w) => w.reason)}::text[]) as v(service_id, revision, reason)
      where t.service_id = v.service_id and t.revision = v.revision and t.state = 'pending' and t.desired_state = 'running' and t.message <> v.reason
      returning t.id, t.service_id`;
    return rows.map((row) => ({ id: row.id, serviceId: row.service_id }));
  }

  /** For whoever changed these services: the scheduler looks again when others wait for one of them. */
  async toWake(transaction: Transaction, serviceIds: readonly string[]): Promise<Wake[]> {
    if (serviceIds.length === 0) return [];
    const [found] = await transaction.$queryRaw<{ one: number }[]>`
      select 1 as one from service d cross join lateral jsonb_array_elements(d.spec->'dependsOn') e join service s on s.name = e->>'service'
      where s.id = any(${[...serviceIds]}::text[]) limit 1`;
    return found === undefined ? [] : [{ loop: 'schedule', key: wholeCluster }];
  }

  async #findStatuses(transaction: Transaction, names: readonly string[]): Promise<Map<string, DependencyStatus>> {
    if (names.length === 0) return new Map();
    const rows = await transaction.$queryRaw<StatusRow[]>`
      select s.name, coalesce((s.spec->'mode'->>'replicas')::int, s.desired_tasks) as desired,
        count(*) filter (where t.desired_state = 'running' and t.state in ('starting', 'running', 'complete'))::int as started,
        count(*) filter (where t.desired_state = 'running' and t.state = 'running')::int as running,
        count(*) filter (where t.desired_state = 'running' and t.state = 'complete')::int as completed,
        (select j.state::text from job_run j where j.service_id = s.id and j.state <> 'skipped' order by j.number desc limit 1) as run_state
      from service s left join task t on t.service_id = s.id
      where s.name = any(${[...new Set(names)]}::text[]) and not s.is_removing group by s.id`;
    return new Map(rows.map((row) => [row.name, toStatus(row)]));
  }
}
