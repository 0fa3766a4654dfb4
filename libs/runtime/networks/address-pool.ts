import { createHash } from 'node:crypto';
import { conflict, invalid, operational } from '@gantry/platform/errors';
import type { IpamPool } from './networks.ts';
import { canonicalAddress, contains, formatAddress, formatSubnet, overlaps, parseAddress, parseSubnet, type Subnet, sizeOf } from './subnet.ts';

/** Docker's: a /16 of 172.17–31 each, then /20 of 192.168. */
export const defaultAddressPools = [
  { base: '172.16.0.0/12', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
] as const;

/** The first block of the pools that overlaps none of `taken` (our networks, the host's routes). */
export function chooseSubnet(pools: readonly { readonly base: string; readonly size: number }[], taken: readonly Subnet[]): Subnet {
  for (const pool of pools) {
    const base = parseSubnet(pool.base);
    const step = sizeOf({ ...base, prefixLength: pool.size });
    for (let candidate = base.base; candidate < base.base + sizeOf(base); candidate += step) {
      const subnet: Subnet = { ...base, base: candidate, prefixLength: pool.size };
      if (!taken.some((other) => overlaps(subnet, other))) return subnet;
    }
  }
  throw operational('failed', 'all predefined address pools have been fully subnetted');
}

/** A /64 of the unique local addresses (RFC 4193), its 40 bits made from what nobody else has. */
export function uniqueLocalSubnet(seed: string): string {
  const digits = createHash('sha256').update(seed).digest('hex');
  return formatSubnet(parseSubnet(`fd${digits.slice(0, 2)}:${digits.slice(2, 6)}:${digits.slice(6, 10)}::/64`));
}

/** Fills in the gateway (the first address) and checks that the parts fit together. */
export function completePool(pool: IpamPool): IpamPool & { readonly gateway: string } {
  const subnet = parseSubnet(pool.subnet);
  if (subnet.prefixLength > subnet.bits - 2) throw invalid(`subnet ${pool.subnet} has no room for a gateway and a container`);
  const gateway = pool.gateway === undefined ? formatAddress({ ...subnet, value: subnet.base + 1n }) : canonicalAddress(pool.gateway);
  if (!contains(subnet, parseAddress(gateway))) throw invalid(`no matching subnet for gateway ${gateway}`);
  if (pool.ipRange !== undefined) {
    const range = parseSubnet(pool.ipRange);
    if (!contains(subnet, { ...range, value: range.base }) || range.prefixLength < subnet.prefixLength)
      throw invalid(`no matching subnet for range ${pool.ipRange}`);
  }
  return { ...pool, subnet: formatSubnet(subnet), gateway };
}

/** A given address if it is free, else the lowest free one of the range. Network, broadcast and gateway addresses are never given. */
export function chooseAddress(pool: IpamPool & { readonly gateway: string }, used: ReadonlySet<string>, wanted: string | null): string {
  const subnet = parseSubnet(pool.subnet);
  const at = (value: bigint) => formatAddress({ value, bits: subnet.bits });
  const kept = new Set([...(pool.reserved ?? []).map(canonicalAddress), pool.gateway, at(subnet.base), at(subnet.base + sizeOf(subnet) - 1n)]);
  if (wanted !== null) {
    const address = canonicalAddress(wanted);
    if (!contains(subnet, parseAddress(wanted))) throw invalid(`address ${wanted} is outside the network's subnet ${pool.subnet}`);
    if (used.has(address) || kept.has(address)) throw conflict(`address ${wanted} is already in use`);
    return address;
  }
  const range = pool.ipRange === undefined ? subnet : parseSubnet(pool.ipRange);
  for (let address = range.base; address < range.base + sizeOf(range); address++) {
    const text = at(address);
    if (!used.has(text) && !kept.has(text)) return text;
  }
  throw operational('failed', `no free address is left in ${pool.ipRange ?? pool.subnet}`);
}

/** As Docker derives it: locally administered, the address in its last four bytes. */
export function macOf(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}
