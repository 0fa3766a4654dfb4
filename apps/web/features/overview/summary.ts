import type { ClusterNode, Service } from '@gantry/contracts/http-api';

export interface Capacity {
  cpus: number;
  memoryBytes: number;
  reservedCpus: number;
  reservedMemoryBytes: number;
}

/** What ready nodes have, and what running tasks hold reserved of it. */
export function toCapacity(nodes: readonly ClusterNode[], services: readonly Service[]): Capacity {
  const capacity: Capacity = { cpus: 0, memoryBytes: 0, reservedCpus: 0, reservedMemoryBytes: 0 };
  for (const { status } of nodes) {
    if (status.state !== 'ready' || !status.facts) continue;
    capacity.cpus += status.facts.cpus;
    capacity.memoryBytes += status.facts.memoryBytes;
  }
  for (const { spec, status } of services) {
    const { reservations } = spec.task.resources;
    capacity.reservedCpus += (status.runningTasks * reservations.nanoCpus) / 1e9;
    capacity.reservedMemoryBytes += status.runningTasks * reservations.memoryBytes;
  }
  return capacity;
}

export type Concern = { kind: 'node'; node: ClusterNode; why: string } | { kind: 'service'; service: Service; why: string };

/** What a person should look at, nodes first: a node that is down is often why a service is short. */
export function toConcerns(nodes: readonly ClusterNode[], services: readonly Service[]): Concern[] {
  return [
    ...nodes
      .filter((node) => node.status.state !== 'ready')
      .map((node) => ({ kind: 'node' as const, node, why: node.status.message || (node.status.state === 'down' ? 'not heard from' : 'never connected') })),
    ...services
      .filter(({ status }) => status.state === 'pending' || (status.state === 'converged' && status.runningTasks < status.desiredTasks))
      .map((service) => ({
        kind: 'service' as const,
        service,
        why: service.status.message || `${service.status.runningTasks} of ${service.status.desiredTasks} tasks run`,
      })),
  ];
}
