import { isIPv4, isIPv6 } from 'node:net';
import { invalid } from '@gantry/platform/errors';

/** An address of either family, as the number it is. */
export interface Address {
  readonly value: bigint;
  readonly bits: 32 | 128;
}

/** A block of addresses; `base` has its host bits cleared. */
export interface Subnet {
  readonly base: bigint;
  readonly prefixLength: number;
  readonly bits: 32 | 128;
}

/** Stands for all addresses of its family. */
export const isAnyAddress = (text: string): boolean => text === '0.0.0.0' || text === '::';

export const isIpv6Text = (text: string): boolean => text.includes(':');

/** The shortest form, which is the one that addresses are compared by (RFC 5952). */
const compressed = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

const groupsOf = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'));

function parseIpv6(text: string): bigint {
  const [head, tail] = compressed(text).split('::').map(groupsOf);
  const [first, last] = [head ?? [], tail ?? []];
  const groups = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last];
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

export function parseAddress(text: string): Address {
  if (isIPv4(text)) return { value: text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n), bits: 32 };
  // A zone (fe80::1%eth0) is no part of an address.
  if (isIPv6(text) && !text.includes('%')) return { value: parseIpv6(text), bits: 128 };
  throw invalid(`invalid IP address ${JSON.stringify(text.slice(0, 60))}`);
}

export function formatAddress({ value, bits }: Address): string {
  const [width, radix] = bits === 32 ? ([8, 10] as const) : ([16, 16] as const);
  const parts = Array.from({ length: bits / width }, (_, index) => ((value >> BigInt(bits - width * (index + 1))) % (1n << BigInt(width))).toString(radix));
  return bits === 32 ? parts.join('.') : compressed(parts.join(':'));
}

export const canonicalAddress = (text: string): string => formatAddress(parseAddress(text));

export function sizeOf(subnet: Subnet): bigint {
  return 1n << BigInt(subnet.bits - subnet.prefixLength);
}

export function parseSubnet(text: string): Subnet {
  const match = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text);
  if (match?.[1] === undefined) throw invalid(`invalid CIDR block ${JSON.stringify(text.slice(0, 60))}`);
  const { value, bits } = parseAddress(match[1]);
  const prefixLength = Number(match[2]);
  if (prefixLength > bits) throw invalid(`invalid CIDR block ${JSON.stringify(text.slice(0, 60))}`);
  return { base: value - (value % (1n << BigInt(bits - prefixLength))), prefixLength, bits };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress({ value: subnet.base, bits: subnet.bits })}/${subnet.prefixLength}`;
}

export function contains(subnet: Subnet, { value, bits }: Address): boolean {
  return bits === subnet.bits && value >= subnet.base && value < subnet.base + sizeOf(subnet);
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  return contains(one, { ...other, value: other.base }) || contains(other, { ...one, value: one.base });
}
