import { PublishedPort, ServiceSpec } from '@gantry/contracts/http-api';
import { NodeId, ServiceId, TaskId } from '@gantry/contracts/ids';
import { parseConstraint } from '@gantry/domain/node';
import type { CandidateNode, PendingGroup, Placement, Unplaced } from '@gantry/domain/scheduler';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Transaction } from '../persistence/database.ts';
import type { NodeState } from './node-state.repository.ts';

/** Any number that no other user of advisory locks in this database takes. */
const schedulerLock = 4_400_004;
/** More wait for the next run, which follows at once. */
export const tasksPerRun = 4_000;

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

  /** The longest waiting first, in groups that ask for the same. */
  async findPending(transaction: Transaction): Promise<PendingGroup[]> {
    const rows = await transaction.$queryRaw<PendingRow[]>`
      select id, service_id, revision, node_id from task where state = 'pending' and desired_state = 'running' order by created_at, slot limit ${tasksPerRun}`;
    const demands = await this.#findDemands(transaction, rows);
    return [...Map.groupBy(rows, keyOf)].flatMap(([key, tasks]) => {
      const demand = demands.get(key);
      const [first] = tasks;
      if (demand === undefined || first === undefined) return [];
      const { placement, resources } = demand.spec.task;
      return {
        serviceId: ServiceId.parse(first.service_id),
        constraints: placement.constraints.map(parseConstraint).filter((constraint) => typeof constraint !== 'string'),
        nanoCpus: resources.reservations.nanoCpus,
        memoryBytes: resources.reservations.memoryBytes,
        maxPerNode: placement.maxPerNode ?? null,
        hostPorts: demand.hostPorts,
        tasks: tasks.map((task) => ({ taskId: TaskId.parse(task.id), onlyNodeId: task.node_id === null ? null : NodeId.parse(task.node_id) })),
      };
    });
  }

  /** The nodes with what the tasks on them hold. */
  async toCandidates(transaction: Transaction, nodes: readonly NodeState[]): Promise<CandidateNode[]> {
    const rows = await transaction.$queryRaw<UsageRow[]>`
      select node_id, service_id, revision, count(*)::int as tasks from task
      where node_id is not null and state > 'pending' and state < 'complete' group by node_id, service_id, revision`;
    const demands = await this.#findDemands(transaction, rows);
    const byNode = Map.groupBy(rows, (row) => row.node_id);
    return nodes.map((node) => {
      const candidate = {
        ...node,
        capacity: { nanoCpus: node.cpus * 1e9, memoryBytes: node.memoryBytes },
        reserved: { nanoCpus: 0, memoryBytes: 0 },
        tasks: 0,
        tasksByService: new Map<ServiceId, number>(),
        hostPorts: new Set<string>(),
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
