import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Subnet } from './subnet.ts';

const littleEndian = (hex: string): number => Number.parseInt(hex.match(/../g)?.reverse().join('') ?? '0', 16);

/** Blocks the host has routes to, so that none of them is given to a network; the default route is not one. */
export function parseRoutes(table: string): { subnet: Subnet; interface: string }[] {
  const routes: { subnet: Subnet; interface: string }[] = [];
  for (const line of table.split('\n').slice(1)) {
    const [name, destination, , , , , , mask] = line.split('\t');
    if (name === undefined || destination === undefined || mask === undefined) continue;
    const prefixLength = littleEndian(mask.trim()).toString(2).replaceAll('0', '').length;
    if (prefixLength > 0) routes.push({ subnet: { base: BigInt(littleEndian(destination)), prefixLength, bits: 32 }, interface: name });
  }
  return routes;
}

export async function readRoutes(): Promise<{ subnet: Subnet; interface: string }[]> {
  return parseRoutes(await readFile('/proc/net/route', 'utf8').catch(() => ''));
}

export interface ResolvConf {
  readonly nameServers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export function parseResolvConf(text: string): ResolvConf {
  const words = text
    .split('\n')
    .map((line) =>
      line
        .replace(/[#;].*$/, '')
        .trim()
        .split(/\s+/),
    )
    .filter(([keyword]) => keyword !== '');
  const valuesOf = (keyword: string) => words.filter(([first]) => first === keyword).map(([, ...rest]) => rest);
  return {
    nameServers: valuesOf('nameserver').flatMap(([address]) => address ?? []),
    // The last one counts (resolv.conf(5)).
    search: valuesOf('search').at(-1) ?? valuesOf('domain').at(-1) ?? [],
    options: valuesOf('options').flat(),
  };
}

export function readHostResolvConf(): ResolvConf {
  try {
    return parseResolvConf(readFileSync('/etc/resolv.conf', 'utf8'));
  } catch {
    // A host may do without.
    return parseResolvConf('');
  }
}

/** Of no use from inside a container: there it is the container's own loopback. */
export function isLoopbackServer(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
