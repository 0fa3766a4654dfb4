import { isIPv4 } from 'node:net';
import { invalid } from '@gantry/platform/errors';

/** A block of addresses; `base` has its host bits cleared. */
export interface Subnet {
  readonly base: number;
  readonly prefixLength: number;
}

export function parseAddress(text: string): number {
  if (!isIPv4(text)) throw invalid(`invalid IPv4 address ${JSON.stringify(text.slice(0, 60))}`);
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

export function sizeOf(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefixLength);
}

export function parseSubnet(text: string): Subnet {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const prefixLength = Number(match?.[2] ?? Number.NaN);
  if (match?.[1] === undefined || prefixLength > 32) throw invalid(`invalid CIDR block ${JSON.stringify(text.slice(0, 60))}`);
  const address = parseAddress(match[1]);
  return { base: address - (address % 2 ** (32 - prefixLength)), prefixLength };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${subnet.prefixLength}`;
}

export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.base && address < subnet.base + sizeOf(subnet);
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  return contains(one, other.base) || contains(other, one.base);
}
