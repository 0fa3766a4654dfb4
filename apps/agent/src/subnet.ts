import { invalid } from '@gantry/platform/errors';

export interface NetworkRanges {
  readonly bridgeSubnet: string;
  readonly addressPools: readonly { readonly base: string; readonly size: number }[];
}

/** Lower half for the default network; upper half in networks of 256 addresses, or eight smaller ones when it is too small for that. */
export function splitSubnet(subnet: string): NetworkRanges {
  const [address = '', length = ''] = subnet.split('/');
  const prefix = Number(length);
  if (!(prefix >= 8 && prefix <= 24)) throw invalid(`the subnet ${subnet} is of no use: expected a prefix length from 8 to 24`);
  const network = (toNumber(address) & (-1 << (32 - prefix))) >>> 0;
  const half = prefix + 1;
  const upper = (network | (1 << (32 - half))) >>> 0;
  return { bridgeSubnet: `${toAddress(network)}/${half}`, addressPools: [{ base: `${toAddress(upper)}/${half}`, size: Math.max(24, half + 3) }] };
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
