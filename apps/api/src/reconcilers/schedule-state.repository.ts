import { PublishedPort, ServiceSpec } from '@gantry/contracts/http-api';
import { NodeId, ServiceId, TaskId } from '@gantry/contracts/ids';
import { parseConstraint, parsePreference } from '@gantry/domain/node';
import type { CandidateNode, PendingGroup, Placement, Unplaced } from '@gantry/domain/scheduler';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Transaction } from '../persistence/database.ts';
import type { WaitingTasks } from './dependency.repository.ts';
import type { NodeState } from './node-state.repository.ts';

/** Any number that no other user of advisory locks in this database takes. */
const schedulerLock = 4_400_004;
/** More wait for the next run, which follows at once. */
export const tasksPerRun = 4_000;
/** Others have their turn in the next. */
const servicesPerRun = 50;
/** Swarm looks back as far. */
const failuresWithinMs = 300_000;

const Ports = z.array(PublishedPort);

interface Demand {
  readonly spec: ServiceSpec;
  readonly hostPorts: readonly string[];
}

interface PendingRow {
  id: string;
  service_id: string;
  revision: number;
  node_id: string | null;
}

interface UsageRow {
  node_id: string;
  service_id: string;
  revision: number;
  tasks: number;
}

function toGroups(demand: Demand, tasks: readonly PendingRow[]): PendingGroup[] {
  const [first] = tasks;
  if (first === undefined) return [];
  const { placement, resources } = demand.spec.task;
  return [
    {
      serviceId: ServiceId.parse(first.service_id),
      constraints: placement.constraints.map(parseConstraint).filter((constraint) => typeof constraint !== 'string'),
      nanoCpus: resources.reservations.nanoCpus,
      memoryBytes: resources.reservations.memoryBytes,
      maxPerNode: placement.maxPerNode ?? null,
      hostPorts: demand.hostPorts,
      genericResources: resources.reservations.generic ?? {},
      spreadOver: (placement.preferences ?? []).flatMap((text) => parsePreference(text) ?? []),
      strategy: placement.strategy ?? 'spread',
      tasks: tasks.map((task) => ({ taskId: TaskId.parse(task.id), onlyNodeId: task.node_id === null ? null : NodeId.parse(task.node_id) })),
    },
  ];
}

interface HistoryRow {
  node_id: string;
  service_id: string;
  failures: number;
  has_volumes: boolean;
  has_image: boolean;
}

function toMemory(rows: readonly HistoryRow[]): Pick<CandidateNode, 'failuresByService' | 'volumesOf' | 'imagesOf'> {
  const idOf = (row: HistoryRow) => ServiceId.parse(row.service_id);
  return {
    failuresByService: new Map(rows.filter((row) => row.failures > 0).map((row) => [idOf(row), row.failures])),
    volumesOf: new Set(rows.filter((row) => row.has_volumes).map(idOf)),
    imagesOf: new Set(rows.filter((row) => row.has_image).map(idOf)),
  };
}

function keyOf(row: { service_id: string; revision: number }): string {
  return `${row.service_id}/${row.revision}`;
}

function toHostPorts(ports: unknown): string[] {
  return Ports.parse(ports)
    .filter((port) => port.mode === 'host')
    .map((port) => `${port.publishedPort}/${port.protocol}`);
}

/** What the scheduler sees and does. */
@Injectable()
export class ScheduleStateRepository {
  /** One scheduler at a time in the whole cluster: two would give away the same room. */
  async lock(transaction: Transaction): Promise<void> {
    await transaction.$queryRaw`select pg_advisory_xact_lock(${schedulerLock})::text`;
  }

  /** In groups that ask for the same, the longest waiting first; those that were told why they wait come after those that nobody has looked at. */
  async findPending(transaction: Transaction, except: readonly WaitingTasks[]): Promise<PendingGroup[]> {
    const waiting = except.map(({ serviceId, revision }) => `${serviceId}/${revision}`);
    const rows = await transaction.$queryRaw<PendingRow[]>`
      select id, service_id, revision, node_id from task where state = 'pending' and desired_state = 'running'
        and service_id || '/' || revision <> all(${waiting}::text[]) order by message <> '', created_at, slot limit ${tasksPerRun}`;
    const demands = await this.#findDemands(transaction, rows);
    return [...Map.groupBy(rows, keyOf)].flatMap(([key, tasks]) => {
      const demand = demands.get(key);
      return demand === undefined ? [] : toGroups(demand, tasks);
    });
  }

  /** Calm services that are to be kept even, as groups of one task that might go anywhere; none while a task of theirs is on its way. */
  async findUneven(transaction: Transaction, isDefault: boolean): Promise<PendingGroup[]> {
    const rows = await transaction.$queryRaw<PendingRow[]>`
      select t.id, t.service_id, t.revision, null::text as node_id
      from service s cross join lateral (select * from task where service_id = s.id and desired_state = 'running' and revision = s.task_revision limit 1) t
      where s.state = 'converged' and coalesce((s.spec->>'rebalance')::boolean, ${isDefault}) and s.spec->'mode'->>'type' = 'replicated'
        and not exists (select from task m where m.service_id = s.id and m.is_moving and m.state < 'complete')
      order by s.id limit ${servicesPerRun}`;
    const demands = await this.#findDemands(transaction, rows);
    return rows.flatMap((row) => {
      const demand = demands.get(keyOf(row));
      return demand === undefined ? [] : toGroups(demand, [row]);
    });
  }

  /** One of the service's tasks on the node is to be replaced elsewhere; answers which. */
  async markMoving(transaction: Transaction, { serviceId, nodeId }: { serviceId: string; nodeId: string }): Promise<string | null> {
    const rows = await transaction.$queryRaw<{ id: string }[]>`
      update task set is_moving = true, version = version + 1, updated_at = now() where id = (
        select id from task where service_id = ${serviceId} and node_id = ${nodeId} and desired_state = 'running' and state = 'running' order by slot desc limit 1 for update
      ) returning id`;
    return rows[0]?.id ?? null;
  }

  /** The nodes with what the tasks on them hold. */
  async toCandidates(transaction: Transaction, nodes: readonly NodeState[], serviceIds: readonly string[]): Promise<CandidateNode[]> {
    const rows = await transaction.$queryRaw<UsageRow[]>`
      select node_id, service_id, revision, count(*)::int as tasks from task
      where node_id is not null and state > 'pending' and state < 'complete' group by node_id, service_id, revision`;
    const demands = await this.#findDemands(transaction, rows);
    const byNode = Map.groupBy(rows, (row) => row.node_id);
    const histories = Map.groupBy(await this.#findHistories(transaction, serviceIds), (row) => row.node_id);
    return nodes.map((node) => {
      const candidate = {
        ...node,
        capacity: { nanoCpus: node.cpus * 1e9, memoryBytes: node.memoryBytes },
        reserved: { nanoCpus: 0, memoryBytes: 0 },
        tasks: 0,
        tasksByService: new Map<ServiceId, number>(),
        hostPorts: new Set<string>(),
        genericResources: { capacity: node.genericResources, reserved: {} as Record<string, number> },
        ...toMemory(histories.get(node.nodeId) ?? []),
      };
      for (const row of byNode.get(node.nodeId) ?? []) {
        const demand = demands.get(keyOf(row));
        const serviceId = ServiceId.parse(row.service_id);
        candidate.tasks += row.tasks;
        candidate.tasksByService.set(serviceId, (candidate.tasksByService.get(serviceId) ?? 0) + row.tasks);
        if (demand === undefined) continue;
        const { reservations } = demand.spec.task.resources;
        candidate.reserved.nanoCpus += reservations.nanoCpus * row.tasks;
        candidate.reserved.memoryBytes += reservations.memoryBytes * row.tasks;
        for (const [name, units] of Object.entries(reservations.generic ?? {}))
          candidate.genericResources.reserved[name] = (candidate.genericResources.reserved[name] ?? 0) + units * row.tasks;
        for (const port of demand.hostPorts) candidate.hostPorts.add(port);
      }
      return candidate;
    });
  }

  /** Answers the tasks that were still waiting and now have a node. */
  async assign(transaction: Transaction, placements: readonly Placement[]): Promise<Placement[]> {
    if (placements.length === 0) return [];
    const rows = await transaction.$queryRaw<{ id: string; node_id: string }[]>`
      update task t set node_id = v.node_id, state = 'assigned', message = 'assigned', status_at = now(), version = t.version + 1, updated_at = now()
      from unnest(${placements.map((p) => p.taskId)}::text[], ${placements.map((p) => p.nodeId)}::text[]) as v(id, node_id)
      where t.id = v.id and t.state = 'pending' and t.desired_state = 'running' returning t.id, t.node_id`;
    return rows.map((row) => ({ taskId: TaskId.parse(row.id), nodeId: NodeId.parse(row.node_id) }));
  }

  /** Says why tasks wait; answers those for which it is news, and their services. */
  async explain(transaction: Transaction, unplaced: readonly Unplaced[]): Promise<{ tasks: string[]; services: string[] }> {
    const flat = unplaced.flatMap(({ taskIds, reason }) => taskIds.map((taskId) => ({ taskId, reason: reason.slice(0, 1_000) })));
    if (flat.length === 0) return { tasks: [], services: [] };
    const rows = await transaction.$queryRaw<{ id: string; service_id: string }[]>`
      update task t set message = v.reason, version = t.version + 1, updated_at = now()
      from unnest(${flat.map((entry) => entry.taskId)}::text[], ${flat.map((entry) => entry.reason)}::text[]) as v(id, reason)
      where t.id = v.id and t.state = 'pending' and t.message <> v.reason returning t.id, t.service_id`;
    return { tasks: rows.map((row) => row.id), services: [...new Set(rows.map((row) => row.service_id))] };
  }

  /** What nodes have had of these services before, as far as its tasks are remembered. */
  #findHistories(transaction: Transaction, serviceIds: readonly string[]): Promise<HistoryRow[]> {
    return transaction.$queryRaw<HistoryRow[]>`
      with seen as (
        select node_id, service_id, revision, bool_or(running_at is not null) as has_run,
          count(*) filter (where state in ('failed', 'rejected') and status_at > now() - make_interval(secs => ${failuresWithinMs / 1_000}::float8)) as failures
        from task where service_id = any(${[...serviceIds]}::text[]) and node_id is not null and state > 'starting'
        group by node_id, service_id, revision
      )
      select t.node_id, t.service_id, sum(t.failures)::int as failures,
        bool_or(t.has_run and s.spec->'task'->'mounts' @> '[{"type": "volume"}]') as has_volumes,
        bool_or(t.has_run and r.spec->'task'->'image' = s.spec->'task'->'image') as has_image
      from seen t join service s on s.id = t.service_id join service_revision r on r.service_id = t.service_id and r.number = t.revision
      group by t.node_id, t.service_id`;
  }

  async #findDemands(transaction: Transaction, rows: readonly { service_id: string; revision: number }[]): Promise<Map<string, Demand>> {
    const wanted = new Map(rows.map((row) => [keyOf(row), { serviceId: row.service_id, number: row.revision }]));
    if (wanted.size === 0) return new Map();
    const revisions = await transaction.$queryRaw<{ service_id: string; number: number; spec: unknown; ports: unknown }[]>`
      select r.service_id, r.number, r.spec, r.ports from service_revision r
      join unnest(${[...wanted.values()].map((w) => w.serviceId)}::text[], ${[...wanted.values()].map((w) => w.number)}::int[]) as w(service_id, number)
        on w.service_id = r.service_id and w.number = r.number`;
    return new Map(revisions.map((r) => [`${r.service_id}/${r.number}`, { spec: ServiceSpec.parse(r.spec), hostPorts: toHostPorts(r.ports) }]));
  }
}
