import type { PublishedPort } from '@gantry/contracts/http-api';

/** Swarm's range for ports nobody chose. */
export const firstAllottedPort = 30_000;
export const lastAllottedPort = 32_767;

export interface TakenPort {
  readonly owner: string;
  readonly protocol: PublishedPort['protocol'];
  readonly publishedPort: number;
  readonly mode: PublishedPort['mode'];
}

export type Allotment =
  | { readonly kind: 'allotted'; readonly ports: PublishedPort[] }
  /** `index` is of the wanted port at fault. */
  | { readonly kind: 'refused'; readonly index: number; readonly reason: string };

function keyOf(port: { protocol: string; publishedPort: number }): string {
  return `${port.publishedPort}/${port.protocol}`;
}

/**
 * The ports a service gets: the numbers it asked for, those it had before where it asked for none, else the lowest free ones.
 * An ingress port belongs to one service in the whole cluster; host ports of two services clash only on a node, which is the scheduler's business.
 */
export function allotPorts(wanted: readonly PublishedPort[], previous: readonly PublishedPort[], taken: readonly TakenPort[]): Allotment {
  const clashes = (port: PublishedPort) => taken.find((other) => keyOf(other) === keyOf(port) && (other.mode === 'ingress' || port.mode === 'ingress'));
  const used = new Set(wanted.filter((port) => port.publishedPort !== 0).map(keyOf));
  for (const other of taken) used.add(keyOf(other));
  const ports: PublishedPort[] = [];
  const own = new Set<string>();
  for (const [index, port] of wanted.entries()) {
    if (port.publishedPort !== 0) {
      const clash = clashes(port);
      if (clash !== undefined) return { kind: 'refused', index, reason: `port ${keyOf(port)} is published by service ${clash.owner}` };
      if (own.has(keyOf(port))) return { kind: 'refused', index, reason: `port ${keyOf(port)} is published twice` };
      own.add(keyOf(port));
      ports.push(port);
      continue;
    }
    const before = previous.find(
      (old) => old.targetPort === port.targetPort && old.protocol === port.protocol && old.mode === port.mode && !used.has(keyOf(old)),
    );
    const chosen = before?.publishedPort ?? findFree(port.protocol, used);
    if (chosen === null) return { kind: 'refused', index, reason: `no ${port.protocol} port from ${firstAllottedPort} to ${lastAllottedPort} is free` };
    const allotted = { ...port, publishedPort: chosen };
    used.add(keyOf(allotted));
    ports.push(allotted);
  }
  return { kind: 'allotted', ports };
}

function findFree(protocol: string, used: ReadonlySet<string>): number | null {
  for (let publishedPort = firstAllottedPort; publishedPort <= lastAllottedPort; publishedPort += 1)
    if (!used.has(keyOf({ protocol, publishedPort }))) return publishedPort;
  return null;
}
