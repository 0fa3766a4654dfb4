import type { AssignedTask } from '@gantry/contracts/agent-link';
import type { PublishedPort } from '@gantry/contracts/http-api';
import type { ServiceId } from '@gantry/contracts/ids';

/** A local task that can take connections now. */
export interface IngressTarget {
  readonly task: AssignedTask;
  readonly ipv4: string;
}

export interface IngressPublication {
  readonly protocol: PublishedPort['protocol'];
  readonly publishedPort: number;
  readonly targets: readonly { readonly ip: string; readonly port: number }[];
}

/**
 * Which ports of this host lead where, per service: each published port goes to every local task of its service in turn. A service without
 * a target here has an empty list, so that its old rules go. Tasks of two revisions of a service may differ in their ports; each port then
 * leads to the tasks that have it. The order is fixed, so that equal input gives an equal plan.
 */
export function planIngress(services: Iterable<ServiceId>, targets: readonly IngressTarget[]): Map<ServiceId, IngressPublication[]> {
  const plan = new Map<ServiceId, IngressPublication[]>();
  for (const serviceId of services) plan.set(serviceId, []);
  for (const { task } of targets) plan.set(task.serviceId, []);
  for (const serviceId of plan.keys()) plan.set(serviceId, publicationsOf(targets.filter(({ task }) => task.serviceId === serviceId)));
  return plan;
}

function publicationsOf(targets: readonly IngressTarget[]): IngressPublication[] {
  const byPort = new Map<string, { port: PublishedPort; targets: { ip: string; port: number }[] }>();
  for (const { task, ipv4 } of targets) {
    for (const port of task.ports) {
      if (port.mode !== 'ingress' || port.publishedPort === 0) continue;
      const key = `${port.protocol}/${port.publishedPort}`;
      const entry = byPort.get(key) ?? { port, targets: [] };
      entry.targets.push({ ip: ipv4, port: port.targetPort });
      byPort.set(key, entry);
    }
  }
  return [...byPort.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, { port, targets: shared }]) => ({
      protocol: port.protocol,
      publishedPort: port.publishedPort,
      targets: shared.sort((left, right) => (`${left.ip}:${left.port}` < `${right.ip}:${right.port}` ? -1 : 1)),
    }));
}
