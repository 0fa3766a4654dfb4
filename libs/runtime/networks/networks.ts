import type { NetworkAttachment } from '@gantry/contracts/executor';

/**
 * Networks on this host: `bridge` (the default one), `host` and `none` always exist; others are user-defined bridges with name resolution.
 *
 * An *endpoint* is one container's place in one network. `reserve` chooses and records its address (so it survives the agent), the executor plugs
 * it in, `release` frees it. Published ports are asked of `ports` once the address is known.
 */
export interface Networks {
  create(spec: NetworkSpec): Promise<Network>;
  /** By id, unique prefix of one, or name. */
  get(reference: string): Network;
  find(reference: string): Network | undefined;
  list(): Network[];
  /** Forbidden for the predefined ones; conflict while it has endpoints. */
  remove(reference: string): Promise<void>;
  prune(options?: { matches?: (network: Network) => boolean }): Promise<{ removed: string[] }>;
  /** Makes bridge and rules exist; idempotent. */
  ensure(networkId: string): Promise<void>;
  reserve(networkId: string, request: EndpointRequest): Promise<Endpoint>;
  release(networkId: string, containerId: string): Promise<void>;
  endpoints(networkId: string): readonly Endpoint[];
  endpointsOf(containerId: string): readonly Endpoint[];
  /** Name servers a container in these networks is given. */
  nameServers(networkIds: readonly string[]): readonly string[];
  readonly ports: PortPublisher;
}

export interface NetworkSpec {
  readonly name: string;
  readonly driver?: 'bridge';
  readonly internal?: boolean;
  readonly attachable?: boolean;
  /** With a subnet of its own choice where `ipam` has none. */
  readonly enableIpv6?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** `com.docker.network.bridge.name`, `com.docker.network.driver.mtu`, … */
  readonly options?: Readonly<Record<string, string>>;
  readonly ipam?: readonly IpamPool[];
}

export interface IpamPool {
  readonly subnet: string;
  readonly gateway?: string;
  readonly ipRange?: string;
  readonly reserved?: readonly string[];
}

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: 'bridge' | 'host' | 'null';
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIpv6: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  /** One of IPv4 and at most one of IPv6, gateways filled in. Empty for host and none. */
  readonly ipam: readonly (IpamPool & { readonly gateway: string })[];
  /** Empty for host and none. */
  readonly bridge: string;
  readonly mtu: number;
  readonly createdAt: string;
  readonly isPredefined: boolean;
}

export interface EndpointRequest {
  readonly containerId: string;
  readonly containerName: string;
  readonly hostname: string;
  readonly aliases: readonly string[];
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly mac: string | null;
}

export interface Endpoint {
  readonly endpointId: string;
  readonly networkId: string;
  readonly containerId: string;
  /** Everything this container answers to in this network. */
  readonly names: readonly string[];
  readonly ipv4: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly ipv6: string | null;
  readonly ipv6PrefixLength: number;
  readonly ipv6Gateway: string | null;
  readonly mac: string;
  /** What the executor is asked for; `name` (eth0, eth1 …) is the caller's to choose. */
  readonly attachment: Omit<NetworkAttachment, 'name'>;
}

/**
 * Ports of the host that lead to containers, by rules in an nftables table of our own. A publication is one (hostIp, protocol, hostPort) under a key
 * (a container's id, or `ingress:SERVICE`); several targets share it in turn.
 */
export interface PortPublisher {
  /** Replaces everything published under the key. All or nothing: conflict `port is already allocated` leaves the old ones. */
  ensure(key: string, publications: readonly PortRequest[]): Promise<PublishedPort[]>;
  release(key: string): Promise<void>;
  published(key: string): readonly PublishedPort[];
}

export interface PortRequest {
  /** `0.0.0.0`, `::`, or one of the host's addresses. */
  readonly hostIp: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** Published on `::` by the same number as well, for these targets. */
  readonly ipv6Targets?: readonly { readonly ip: string; readonly port: number }[];
  /** 0 chooses a free one; [first, last] one of a range. */
  readonly hostPort: number | readonly [first: number, last: number];
  readonly targets: readonly { readonly ip: string; readonly port: number }[];
}

export interface PublishedPort extends Omit<PortRequest, 'ipv6Targets'> {
  readonly hostPort: number;
}
