import { GantryError } from '@gantry/platform/errors';
import { z } from 'zod';
import type { Network } from './networks.ts';

const Pool = z.object({ subnet: z.string(), gateway: z.string(), ipRange: z.string().optional(), reserved: z.array(z.string()).optional() });

export const NetworkRecord = z.object({
  id: z.string(),
  name: z.string(),
  driver: z.enum(['bridge', 'host', 'null']),
  internal: z.boolean(),
  attachable: z.boolean(),
  enableIpv6: z.boolean(),
  labels: z.record(z.string(), z.string()),
  options: z.record(z.string(), z.string()),
  ipam: z.array(Pool),
  bridge: z.string(),
  mtu: z.number(),
  createdAt: z.string(),
  isPredefined: z.boolean(),
});

export const EndpointRecord = z.object({
  endpointId: z.string(),
  networkId: z.string(),
  containerId: z.string(),
  containerName: z.string(),
  names: z.array(z.string()),
  ipv4: z.string(),
  ipv6: z.string().nullable().default(null),
  mac: z.string(),
});
export type EndpointRecord = z.infer<typeof EndpointRecord>;

export function toNetwork(record: z.infer<typeof NetworkRecord>): Network {
  return {
    ...record,
    ipam: record.ipam.map(({ subnet, gateway, ipRange, reserved }) => ({
      subnet,
      gateway,
      ...(ipRange === undefined ? {} : { ipRange }),
      ...(reserved === undefined ? {} : { reserved }),
    })),
  };
}

export function toRecord(network: Network): z.infer<typeof NetworkRecord> {
  return {
    ...network,
    labels: { ...network.labels },
    options: { ...network.options },
    ipam: network.ipam.map((pool) => ({ ...pool, ipRange: pool.ipRange, reserved: pool.reserved === undefined ? undefined : [...pool.reserved] })),
  };
}

export const predefinedNames = ['bridge', 'host', 'none'] as const;

export function forbidden(message: string): GantryError {
  return new GantryError('user', 'forbidden', message);
}
