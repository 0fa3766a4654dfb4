import { z } from 'zod';
import { EndpointBody } from './container-create.ts';
import { goBoolean, goList, goString, goStringMap } from './go-json.ts';

export const NetworkCreateBody = z.object({
  Name: goString,
  CheckDuplicate: goBoolean,
  Driver: goString,
  Scope: goString,
  Internal: goBoolean,
  Attachable: goBoolean,
  Ingress: goBoolean,
  ConfigOnly: goBoolean,
  ConfigFrom: z.object({ Network: goString }).nullish(),
  EnableIPv4: z.boolean().nullish(),
  EnableIPv6: goBoolean,
  IPAM: z
    .object({
      Driver: goString,
      Options: goStringMap,
      Config: goList(z.object({ Subnet: goString, IPRange: goString, Gateway: goString, AuxiliaryAddresses: goStringMap })),
    })
    .nullish(),
  Options: goStringMap,
  Labels: goStringMap,
});
export type NetworkCreateBody = z.infer<typeof NetworkCreateBody>;

export const NetworkConnectBody = z.object({ Container: goString, EndpointConfig: EndpointBody.nullish() });
export const NetworkDisconnectBody = z.object({ Container: goString, Force: goBoolean });

/** GET /networks/{id}; the list has the same shape with `Containers` empty. */
export interface NetworkInspect {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: 'local' | 'swarm' | 'global';
  readonly Driver: string;
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: { readonly Driver: string; readonly Options: Readonly<Record<string, string>> | null; readonly Config: readonly IpamConfig[] };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  readonly Containers: Readonly<Record<string, NetworkContainer>>;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface IpamConfig {
  readonly Subnet: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
}

export interface NetworkContainer {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}
