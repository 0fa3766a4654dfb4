import type { ServiceSpec } from '@gantry/contracts/http-api';
import { NodeId, TaskId } from '@gantry/contracts/ids';
import { type CountedPlaces, nothingCounted, type ObservedTask } from '@gantry/domain/service';
import { Injectable } from '@nestjs/common';
import type { Transaction } from '../persistence/database.ts';
import { type NodeAvailability, type NodeState, Prisma, type TaskDesiredState, type TaskState } from '../persistence/generated/client.ts';
import { isSettled, type ServiceState } from './service-state.repository.ts';

interface TaskRow {
  id: string;
  slot: number;
  node_id: string | null;
  node_state: NodeState | null;
  availability: NodeAvailability | null;
  last_seen_at: number | null;
  is_moving: boolean;
  revision: number;
  desired_state: TaskDesiredState;
  state: TaskState;
  message: string;
  attempt: number;
  status_at: number;
  running_at: number | null;
}

interface CountRow {
  settled: number;
  settled_running: number;
  settled_starting: number;
  settled_resting: number;
  resting_until: number | null;
  settled_since: number | null;
  settled_pending: number;
  pending_message: string | null;
  waiting: number;
  next: number[] | null;
  exceptional: number[] | null;
  slots: number[] | null;
}

export interface Observation {
  readonly tasks: readonly ObservedTask[];
  readonly counted: CountedPlaces;
}

interface Question {
  readonly service: ServiceState;
  /** Of the revision that is wanted. */
  readonly spec: ServiceSpec;
  /** Nodes that the service's constraints no longer admit. */
  readonly unfit: ReadonlySet<string>;
  readonly now: number;
}

function nodeOf(row: TaskRow, unfit: ReadonlySet<string>): ObservedTask['node'] {
  if (row.node_id === null) return 'none';
  if (row.node_state === 'down') return 'lost';
  return row.is_moving || row.availability === 'drain' || unfit.has(row.node_id) ? 'leaving' : 'usable';
}

function toObservedTask(row: TaskRow, unfit: ReadonlySet<string>): ObservedTask {
  return {
    taskId: TaskId.parse(row.id),
    slot: row.slot,
    nodeId: row.node_id === null ? null : NodeId.parse(row.node_id),
    node: nodeOf(row, unfit),
    lostAt: row.node_state === 'down' ? row.last_seen_at : null,
    revision: row.revision,
    desiredState: row.desired_state,
    state: row.state,
    message: row.message,
    attempt: row.attempt,
    statusAt: row.status_at,
    runningAt: row.running_at,
  };
}

function toCountedPlaces(row: CountRow): CountedPlaces {
  return {
    settled: row.settled,
    settledRunning: row.settled_running,
    settledStarting: row.settled_starting,
    settledResting: row.settled_resting,
    restingUntil: row.resting_until,
    settledSince: row.settled_since,
    settledPending: row.settled_pending,
    pendingMessage: row.pending_message ?? '',
    waiting: row.waiting - (row.next?.length ?? 0),
    slots: row.slots ?? [],
    ending: 0,
  };
}

/** `t` and `n` are a task and its node. */
const isGone = Prisma.sql`(t.node_id is null or n.state is not distinct from 'down' or t.state = 'pending' or t.state >= 'complete')`;

/**
 * A service's tasks as its planner wants to see them. What needs no decision is counted in the database: a service of 30,000 tasks that
 * calmly run is one row, and only what differs is read.
 */
@Injectable()
export class ServiceTasksRepository {
  async observe(transaction: Transaction, question: Question): Promise<Observation> {
    const { service } = question;
    if (service.isRemoving) return this.#observeRemoval(transaction, question);
    const { mode } = service.spec;
    // one task a node: not so many
    if (mode.type !== 'replicated')
      return {
        tasks: await this.#find(transaction, question, Prisma.sql`t.desired_state <> 'shutdown' or t.state < 'complete' or ${isTelling(question)}`),
        counted: nothingCounted,
      };
    return this.#observeSlots(transaction, question, mode.replicas);
  }

  async #observeSlots(transaction: Transaction, question: Question, replicas: number): Promise<Observation> {
    const { service } = question;
    const row = await this.#count(transaction, question, replicas);
    const held = row.settled + row.waiting + (row.exceptional?.length ?? 0);
    // whom to let go depends on where all of them are
    if (held > replicas) {
      const tasks = await this.#find(transaction, question, Prisma.sql`t.desired_state <> 'shutdown' or t.state < 'complete' or ${isTelling(question)}`);
      return { tasks, counted: nothingCounted };
    }
    const shown = [...(row.exceptional ?? []), ...(row.next ?? [])];
    const tasks = await this.#find(
      transaction,
      question,
      Prisma.sql`
        t.slot = any(${shown}::int[]) and (t.desired_state = 'running' or t.state < 'complete')
        or t.desired_state = 'remove' and ${isGone}
        or t.desired_state <> 'running' and t.state < 'complete' and not exists (
          select from task w where w.service_id = t.service_id and w.slot = t.slot and w.desired_state = 'running')
        ${row.waiting + shown.length > 0 || !isSettled(service) ? Prisma.sql`or ${isTelling(question)}` : Prisma.empty}`,
    );
    return { tasks, counted: toCountedPlaces(row) };
  }

  /** Places by what is to be decided there: nothing (settled), to be replaced in their turn (waiting), or something else (exceptional). */
  async #count(transaction: Transaction, { service, unfit, now }: Question, replicas: number): Promise<CountRow> {
    const { parallelism, delayMs } = service.spec.update;
    const rests = Prisma.sql`state = 'running' and attempt = 0 and began_at + ${delayMs}::float8 > ${now}::float8 and ${delayMs}::int > 0`;
    const [row] = await transaction.$queryRaw<CountRow[]>`
      with wanted as (
        select t.slot, t.state, t.attempt, t.message, (extract(epoch from coalesce(t.running_at, t.status_at)) * 1000)::float8 as began_at,
          t.revision = ${service.taskRevision} as is_fresh,
          n.state is not distinct from 'down' as is_lost,
          t.is_moving or n.availability is not distinct from 'drain' or coalesce(t.node_id = any(${[...unfit]}::text[]), false) as is_leaving,
          count(*) over (partition by t.slot) = 1 as is_alone
        from task t left join node n on n.id = t.node_id where t.service_id = ${service.id} and t.desired_state = 'running'
      ), place as (
        select *, case
            when not is_alone or is_lost or state >= 'complete' then 'exceptional'
            when is_fresh and not is_leaving then 'settled'
            when state = 'running' then 'waiting'
            else 'exceptional' end as kind
        from wanted
      )
      select count(*) filter (where kind = 'settled')::int as settled,
        count(*) filter (where kind = 'settled' and state = 'running')::int as settled_running,
        count(*) filter (where kind = 'settled' and state < 'running' and attempt = 0)::int as settled_starting,
        count(*) filter (where kind = 'settled' and ${rests})::int as settled_resting,
        min(began_at + ${delayMs}::float8) filter (where kind = 'settled' and ${rests}) as resting_until,
        max(began_at) filter (where kind = 'settled' and state = 'running') as settled_since,
        count(*) filter (where kind = 'settled' and state = 'pending' and message <> '')::int as settled_pending,
        min(message) filter (where kind = 'settled' and state = 'pending' and message <> '') as pending_message,
        count(*) filter (where kind = 'waiting')::int as waiting,
        (select json_agg(slot) from (select slot from place where kind = 'waiting' order by slot limit ${parallelism === 0 ? null : parallelism}::int) first) as next,
        json_agg(distinct slot) filter (where kind = 'exceptional') as exceptional,
        case when count(distinct slot) < ${replicas} then json_agg(slot) filter (where kind in ('settled', 'waiting')) end as slots
      from place`;
    if (row === undefined) throw new Error(`count the places of service ${service.id}`);
    return row;
  }

  async #observeRemoval(transaction: Transaction, question: Question): Promise<Observation> {
    const tasks = await this.#find(transaction, question, Prisma.sql`t.desired_state <> 'remove' or ${isGone}`);
    const [row] = await transaction.$queryRaw<{ ending: number }[]>`
      select count(*)::int as ending from task t left join node n on n.id = t.node_id
      where t.service_id = ${question.service.id} and t.desired_state = 'remove' and not ${isGone}`;
    return { tasks, counted: { ...nothingCounted, ending: row?.ending ?? 0 } };
  }

  async #find(transaction: Transaction, { service, unfit }: Question, condition: Prisma.Sql): Promise<ObservedTask[]> {
    const rows = await transaction.$queryRaw<TaskRow[]>`
      select t.id, t.slot, t.node_id, n.state::text as node_state, n.availability::text, (extract(epoch from n.last_seen_at) * 1000)::float8 as last_seen_at, t.is_moving, t.revision, t.desired_state::text, t.state::text, t.message, t.attempt,
        (extract(epoch from t.status_at) * 1000)::float8 as status_at, (extract(epoch from t.running_at) * 1000)::float8 as running_at
      from task t left join node n on n.id = t.node_id where t.service_id = ${service.id} and (${condition})`;
    return rows.map((row) => toObservedTask(row, unfit));
  }
}

/** Tasks of the wanted revision that failed so soon that it tells of the revision: a rollout counts them. */
function isTelling({ service }: Question): Prisma.Sql {
  return Prisma.sql`(t.revision = ${service.taskRevision} and t.state in ('failed', 'rejected', 'orphaned')
    and (t.running_at is null or t.status_at - t.running_at <= make_interval(secs => ${service.spec.update.monitorMs / 1_000}::float8)))`;
}
