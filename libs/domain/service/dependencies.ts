import type { ServiceSpec } from '@gantry/contracts/http-api';
import type { SpecFault } from './check-spec.ts';

export type Dependency = NonNullable<ServiceSpec['dependsOn']>[number];

/** What is known of a service that others depend on; null: there is none of the name. */
export interface DependencyStatus {
  readonly desired: number;
  /** Tasks whose process has been started, and of them those that run and are healthy. */
  readonly started: number;
  readonly running: number;
  /** A job's latest run, or else all tasks, have ended well. */
  readonly isComplete: boolean;
}

type Graph = ReadonlyMap<string, readonly string[]>;

/** The way from one service to another along what they depend on; null when there is none. */
function findWay(graph: Graph, from: string, to: string, seen = new Set<string>()): string[] | null {
  if (from === to) return [to];
  if (seen.has(from)) return null;
  seen.add(from);
  for (const next of graph.get(from) ?? []) {
    const way = findWay(graph, next, to, seen);
    if (way !== null) return [from, ...way];
  }
  return null;
}

/** `others`: every service there is or is about to be, with the names of what it depends on. */
export function checkDependencies(spec: Pick<ServiceSpec, 'name' | 'dependsOn'>, others: Graph): SpecFault[] {
  const named = new Set<string>();
  return (spec.dependsOn ?? []).flatMap(({ service }, index) => {
    const fault = (message: string) => [{ field: `dependsOn.${index}.service`, message }];
    if (named.has(service)) return fault(`${service} is named twice`);
    named.add(service);
    if (service === spec.name) return fault('a service can not wait for itself');
    if (!others.has(service)) return fault(`there is no service ${service}`);
    const way = findWay(others, service, spec.name);
    return way === null ? [] : fault(`these would wait for each other: ${[spec.name, ...way].join(' → ')}`);
  });
}

function explain({ service, condition }: Dependency, status: DependencyStatus | null): string | null {
  if (status === null) return `waits for service ${service}, which is not there`;
  const { desired, started, running, isComplete } = status;
  switch (condition) {
    case 'started':
      return desired > 0 && started >= desired ? null : `waits for service ${service} to start: ${started} of ${desired} tasks have`;
    case 'healthy':
      return desired > 0 && running >= desired ? null : `waits for service ${service} to be healthy: ${running} of ${desired} tasks are`;
    case 'completed':
      return isComplete ? null : `waits for service ${service} to complete`;
  }
}

/** What a service's tasks wait for before the first of them may start, in words; null when nothing is in their way. */
export function explainWaiting(dependsOn: readonly Dependency[], find: (name: string) => DependencyStatus | null): string | null {
  const reasons = dependsOn.flatMap((dependency) => explain(dependency, find(dependency.service)) ?? []);
  return reasons.length === 0 ? null : reasons.join('; ');
}
