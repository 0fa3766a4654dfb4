import { PublishedPort, type Service, type ServiceRevision, ServiceSpec } from '@gantry/contracts/http-api';
import { ServiceId, StackId } from '@gantry/contracts/ids';
import { z } from 'zod';
import type { Prisma, ServiceRevision as RevisionRow } from '../../persistence/generated/client.ts';

export const withStackName = { stack: { select: { name: true } } } as const;
export type ServiceRow = Prisma.ServiceGetPayload<{ include: typeof withStackName }>;

const Ports = z.array(PublishedPort);

export function toPorts(json: unknown): z.infer<typeof PublishedPort>[] {
  return Ports.parse(json);
}

/** What the spec asks for, said from the moment it is taken; of a global service the reconciler counts the nodes. */
function toDesiredTasks(row: ServiceRow, { mode }: ServiceSpec): number {
  if (row.isRemoving) return 0;
  return mode.type === 'replicated' ? mode.replicas : row.desiredTasks;
}

function toUpdate(row: ServiceRow, totalTasks: number): Service['status']['update'] {
  if (row.updateState === null) return null;
  return { state: row.updateState, replacedTasks: Math.min(row.updateReplaced, totalTasks), totalTasks, isPaused: row.isUpdatePaused };
}

export function toService(row: ServiceRow): Service {
  const spec = ServiceSpec.parse(row.spec);
  const desiredTasks = toDesiredTasks(row, spec);
  return {
    id: ServiceId.parse(row.id),
    version: row.version,
    stackId: row.stackId === null ? null : StackId.parse(row.stackId),
    stackName: row.stack?.name ?? null,
    spec,
    ports: toPorts(row.ports),
    revision: row.revision,
    status: { desiredTasks, runningTasks: row.runningTasks, state: row.state, message: row.message, update: toUpdate(row, desiredTasks) },
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

export type { RevisionRow };

export function toRevision(row: RevisionRow, wanted: number): ServiceRevision {
  return {
    revision: row.number,
    spec: ServiceSpec.parse(row.spec),
    ports: toPorts(row.ports),
    isWanted: row.number === wanted,
    createdAt: row.createdAt.toISOString(),
  };
}
