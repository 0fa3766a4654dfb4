import { TaskId } from '@gantry/contracts/ids';
import type { JobStepOf, JobTask, ObservedRun } from '@gantry/domain/job';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../persistence/database.ts';
import type { NodeAvailability, NodeState, TaskDesiredState, TaskState } from '../persistence/generated/client.ts';
import { newId } from '../persistence/new-id.ts';
import type { ServiceState } from './service-state.repository.ts';

interface TaskRow {
  id: string;
  run_number: number;
  slot: number;
  node_id: string | null;
  node_state: NodeState | null;
  availability: NodeAvailability | null;
  last_seen_at: number | null;
  desired_state: TaskDesiredState;
  state: TaskState;
  message: string;
  status_at: number;
}

function nodeOf(row: TaskRow): JobTask['node'] {
  if (row.node_id === null) return 'none';
  if (row.node_state === 'down') return 'lost';
  return row.availability === 'drain' ? 'leaving' : 'usable';
}

/** What the job reconciler sees and does. Everything runs in the transaction that holds the service's row: of N replicas one takes a tick. */
@Injectable()
export class JobStateRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async findIds(): Promise<string[]> {
    const rows = await this.database.client.$queryRaw<{ id: string }[]>`
      select id from service where not is_removing and spec->'mode'->>'type' in ('job', 'cron')`;
    return rows.map((row) => row.id);
  }

  observeRuns(transaction: Transaction, serviceId: string): Promise<ObservedRun[]> {
    const select = { number: true, revision: true, state: true, message: true, succeeded: true, failed: true };
    return transaction.jobRun.findMany({ where: { serviceId }, select });
  }

  async observeTasks(transaction: Transaction, serviceId: string): Promise<JobTask[]> {
    const rows = await transaction.$queryRaw<TaskRow[]>`
      select t.id, t.run_number, t.slot, t.node_id, n.state::text as node_state, n.availability::text, (extract(epoch from n.last_seen_at) * 1000)::float8 as last_seen_at,
        t.desired_state::text, t.state::text, t.message, (extract(epoch from t.status_at) * 1000)::float8 as status_at
      from task t left join node n on n.id = t.node_id where t.service_id = ${serviceId} and t.run_number is not null`;
    return rows.map((row) => ({
      taskId: TaskId.parse(row.id),
      run: row.run_number,
      slot: row.slot,
      node: nodeOf(row),
      lostAt: row.node_state === 'down' ? row.last_seen_at : null,
      desiredState: row.desired_state,
      state: row.state,
      message: row.message,
      statusAt: row.status_at,
    }));
  }

  async createTasks(transaction: Transaction, serviceId: string, steps: readonly JobStepOf<'create-task'>[]): Promise<string[]> {
    const ids = steps.map(() => newId());
    await transaction.$executeRaw`
      insert into task (id, service_id, revision, run_number, slot, attempt)
      select v.id, ${serviceId}, r.revision, v.run, v.slot, v.attempt
      from unnest(${ids}::text[], ${steps.map((step) => step.run)}::int[], ${steps.map((step) => step.slot)}::int[], ${steps.map((step) => step.attempt)}::int[])
        as v(id, run, slot, attempt)
      join job_run r on r.service_id = ${serviceId} and r.number = v.run`;
    return ids;
  }

  /** Nothing when the tick has its row already. */
  async insertRun(transaction: Transaction, service: ServiceState, run: { dueAt: number | null; skipped: string | null }): Promise<void> {
    const dueAt = run.dueAt === null ? null : new Date(run.dueAt);
    await transaction.$executeRaw`
      insert into job_run (service_id, number, revision, due_at, state, message, ended_at)
      select ${service.id}, coalesce(max(number), 0) + 1, ${service.revision}::int, ${dueAt}::timestamptz,
        ${run.skipped === null ? 'running' : 'skipped'}::job_run_state, ${run.skipped ?? ''}, case when ${run.skipped !== null}::boolean then now() end
      from job_run where service_id = ${service.id} on conflict (service_id, due_at) do nothing`;
  }

  async endRun(transaction: Transaction, serviceId: string, { run, state, message }: JobStepOf<'end-run'>): Promise<void> {
    await transaction.jobRun.updateMany({ where: { serviceId, number: run, state: 'running' }, data: { state, message, endedAt: new Date() } });
  }

  async countRun(transaction: Transaction, serviceId: string, { run, succeeded, failed }: JobStepOf<'count-run'>): Promise<void> {
    await transaction.jobRun.updateMany({ where: { serviceId, number: run }, data: { succeeded, failed } });
  }

  async forgetRun(transaction: Transaction, serviceId: string, number: number): Promise<void> {
    await transaction.jobRun.deleteMany({ where: { serviceId, number } });
  }

  async setDue(transaction: Transaction, serviceId: string, { at, dueBy }: JobStepOf<'set-due'>): Promise<void> {
    await transaction.service.update({ where: { id: serviceId }, data: { nextDueAt: at === null ? null : new Date(at), dueBy } });
  }
}
