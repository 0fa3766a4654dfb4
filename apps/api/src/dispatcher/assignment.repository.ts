import type { AssignedPayload, AssignedTask } from '@gantry/contracts/agent-link';
import { PublishedPort, ServiceSpec } from '@gantry/contracts/http-api';
import { PayloadId, ServiceId, TaskId } from '@gantry/contracts/ids';
import { isJobMode } from '@gantry/domain/job';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { LinkDatabase } from '../persistence/database.ts';
import type { PayloadKind } from '../persistence/generated/client.ts';

interface AssignmentRow {
  id: string;
  node_id: string;
  service_id: string;
  revision: number;
  slot: number;
  desired_state: AssignedTask['desiredState'];
  service_name: string;
  stack_name: string | null;
  is_global: boolean;
}

export interface NodeAssignment {
  readonly taskId: TaskId;
  readonly nodeId: string;
  /** Differs when the agent has to be told again. */
  readonly fingerprint: string;
  readonly row: AssignmentRow;
}

interface Revision {
  readonly task: AssignedTask['spec'];
  readonly ports: AssignedTask['ports'];
  readonly payloads: AssignedPayload[];
}

interface UseRow {
  payloadId: string;
  number: number;
  payloadVersion: { payload: { kind: PayloadKind; name: string } };
}

const mostRevisions = 2_000;
const Ports = z.array(PublishedPort);

/** Docker's places: a secret's below /run/secrets, a config's below /. */
function toTarget(kind: PayloadKind, { target, name }: AssignedTask['spec']['secrets'][number]): string {
  if (target.startsWith('/')) return target;
  return `${kind === 'secret' ? '/run/secrets' : ''}/${target === '' ? name : target}`;
}

function toAssignedPayloads(task: AssignedTask['spec'], rows: readonly UseRow[]): AssignedPayload[] {
  const uses = [...task.secrets.map((use) => ({ kind: 'secret' as const, use })), ...task.configs.map((use) => ({ kind: 'config' as const, use }))];
  return uses.flatMap(({ kind, use }) => {
    const row = rows.find(({ payloadVersion: { payload } }) => payload.kind === kind && payload.name === use.name);
    if (row === undefined) return [];
    const { name, uid, gid, mode } = use;
    return { kind, name, payloadId: PayloadId.parse(row.payloadId), number: row.number, target: toTarget(kind, use), uid, gid, mode };
  });
}

@Injectable()
export class AssignmentRepository {
  /** Revisions never change, so they are read once. */
  readonly #revisions = new Map<string, Revision>();

  constructor(@Inject(LinkDatabase) private readonly database: LinkDatabase) {}

  /** What the nodes should know of, pending tasks excepted: those are nobody's yet. */
  async findOfNodes(nodeIds: readonly string[]): Promise<NodeAssignment[]> {
    const rows = await this.database.client.$queryRaw<AssignmentRow[]>`
      select t.id, t.node_id, t.service_id, t.revision, t.slot, t.desired_state::text, s.name as service_name, k.name as stack_name,
             coalesce(s.spec->'mode'->>'type' = 'global', false) as is_global
      from task t join service s on s.id = t.service_id left join stack k on k.id = s.stack_id
      where t.node_id = any(${[...nodeIds]}::text[]) and t.state <> 'pending'`;
    return rows.map((row) => ({ taskId: TaskId.parse(row.id), nodeId: row.node_id, fingerprint: `${row.desired_state}/${row.service_name}`, row }));
  }

  async toAssignedTasks(assignments: readonly NodeAssignment[]): Promise<AssignedTask[]> {
    await this.#loadRevisions(assignments);
    return assignments.flatMap(({ taskId, row }) => {
      const revision = this.#revisions.get(`${row.service_id}/${row.revision}`);
      if (revision === undefined) return [];
      const place = row.is_global ? row.node_id : String(row.slot);
      return {
        taskId,
        serviceId: ServiceId.parse(row.service_id),
        serviceName: row.service_name,
        stackName: row.stack_name,
        name: `${row.service_name}.${place}.${row.id}`,
        slot: row.slot,
        desiredState: row.desired_state,
        spec: revision.task,
        ports: revision.ports,
        payloads: revision.payloads,
      };
    });
  }

  async #loadRevisions(assignments: readonly NodeAssignment[]): Promise<void> {
    const missing = new Map<string, { serviceId: string; number: number }>();
    for (const { row } of assignments) {
      const key = `${row.service_id}/${row.revision}`;
      if (!this.#revisions.has(key)) missing.set(key, { serviceId: row.service_id, number: row.revision });
    }
    if (missing.size === 0) return;
    const found = await this.database.client.serviceRevision.findMany({
      where: { OR: [...missing.values()] },
      include: { payloads: { select: { payloadId: true, number: true, payloadVersion: { select: { payload: { select: { kind: true, name: true } } } } } } },
    });
    for (const { serviceId, number, spec, ports, payloads } of found) {
      const { mode, task: given } = ServiceSpec.parse(spec);
      // the control plane counts a job's attempts: a node that is alone makes none
      const task = isJobMode(mode) ? { ...given, restartPolicy: { ...given.restartPolicy, condition: 'none' as const } } : given;
      this.#revisions.set(`${serviceId}/${number}`, { task, ports: Ports.parse(ports), payloads: toAssignedPayloads(task, payloads) });
    }
    for (const key of this.#revisions.keys()) {
      if (this.#revisions.size <= mostRevisions) break;
      if (!missing.has(key)) this.#revisions.delete(key);
    }
  }
}
