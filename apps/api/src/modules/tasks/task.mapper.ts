import { PublishedPort, type Task, TaskSpec } from '@gantry/contracts/http-api';
import { NodeId, ServiceId, TaskId } from '@gantry/contracts/ids';
import { z } from 'zod';
import type { Prisma } from '../../persistence/generated/client.ts';

export const withTaskNames = {
  service: { select: { name: true } },
  node: { select: { name: true } },
  serviceRevision: { select: { spec: true } },
} as const;
export type TaskRow = Prisma.TaskGetPayload<{ include: typeof withTaskNames }>;

const Ports = z.array(PublishedPort);
const SpecWithTask = z.object({ task: TaskSpec });

/** Maps the rows of one answer: tasks of one revision share one parsed spec. */
export function taskMapper(): (row: TaskRow) => Task {
  const specs = new Map<string, TaskSpec>();
  const specOf = (row: TaskRow): TaskSpec => {
    const key = `${row.serviceId}/${row.revision}`;
    const spec = specs.get(key) ?? SpecWithTask.parse(row.serviceRevision.spec).task;
    specs.set(key, spec);
    return spec;
  };
  return (row) => ({
    id: TaskId.parse(row.id),
    version: row.version,
    serviceId: ServiceId.parse(row.serviceId),
    serviceName: row.service.name,
    nodeId: row.nodeId === null ? null : NodeId.parse(row.nodeId),
    nodeName: row.node?.name ?? null,
    slot: row.slot,
    run: row.runNumber,
    spec: specOf(row),
    desiredState: row.desiredState,
    status: {
      state: row.state,
      message: row.message,
      error: row.error,
      containerId: row.containerId,
      exitCode: row.exitCode,
      ports: Ports.parse(row.ports),
      at: row.statusAt.toISOString(),
    },
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  });
}
