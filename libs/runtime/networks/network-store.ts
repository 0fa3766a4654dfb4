import { createHash, randomBytes } from 'node:crypto';
import { bug, conflict, invalid, notFound, whileTrying } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { Events } from '@gantry/runtime/events';
import type { Executor } from '@gantry/runtime/executor';
import type { MetadataStore } from '@gantry/runtime/metadata';
import { chooseAddress, chooseSubnet, completePool, defaultAddressPools, macOf, uniqueLocalSubnet } from './address-pool.ts';
import { allowForwarding, createFirewall } from './firewall.ts';
import { isLoopbackServer, readHostResolvConf, readRoutes } from './host-network.ts';
import { EndpointRecord, forbidden, NetworkRecord, predefinedNames, toNetwork, toRecord } from './network-record.ts';
import type { Endpoint, EndpointRequest, IpamPool, Network, NetworkSpec, Networks } from './networks.ts';
import { createPortPublisher } from './port-publisher.ts';
import { createResolver } from './resolver.ts';
import { formatSubnet, isIpv6Text, overlaps, parseSubnet } from './subnet.ts';

export interface NetworkStoreOptions {
  readonly metadata: MetadataStore;
  readonly events: Events;
  readonly executor: Pick<Executor, 'call'>;
  readonly logger: Logger;
  readonly instance: string;
  readonly bridge: { readonly name: string; readonly subnet: string | null; readonly mtu: number };
  readonly addressPools?: readonly { readonly base: string; readonly size: number }[];
}

const sha = (text: string, digits: number) => createHash('sha256').update(text).digest('hex').slice(0, digits);

export async function openNetworkStore(options: NetworkStoreOptions): Promise<Networks & { close(): void; withdraw(): Promise<void> }> {
  const { executor, events, logger } = options;
  const networkRecords = options.metadata.collection('networks', NetworkRecord);
  const endpointRecords = options.metadata.collection('endpoints', EndpointRecord);
  const networks = new Map<string, Network>(networkRecords.entries().map(([id, record]) => [id, toNetwork(record)]));
  const endpointsByKey = new Map<string, EndpointRecord>(endpointRecords.entries());
  const upstream = readHostResolvConf().nameServers;
  const outsideServers = upstream.filter((server) => !isLoopbackServer(server));
  /** Bridges known to exist since this process started. */
  const ensured = new Set<string>();

  const bridged = () => [...networks.values()].filter((network) => network.driver === 'bridge');
  const firewall = createFirewall(`gantry_${options.instance}`, () => ({
    networks: bridged().map((network) => ({
      bridge: network.bridge,
      subnets: network.ipam.map(({ subnet }) => subnet),
      internal: network.internal,
      masquerade: network.options['com.docker.network.bridge.enable_ip_masquerade'] !== 'false',
      interContainer: network.options['com.docker.network.bridge.enable_icc'] !== 'false',
    })),
    ports: ports.all(),
  }));
  const ports = createPortPublisher({ metadata: options.metadata, logger, apply: () => firewall.apply() });

  function endpointAt(address: string): EndpointRecord | undefined {
    return [...endpointsByKey.values()].find((endpoint) => endpoint.ipv4 === address || endpoint.ipv6 === address);
  }
  function networksOf(client: string): Network[] {
    const containerId = endpointAt(client)?.containerId;
    return [...endpointsByKey.values()]
      .filter((endpoint) => endpoint.containerId === containerId)
      .flatMap((endpoint) => networks.get(endpoint.networkId) ?? []);
  }
  const resolver = createResolver(
    {
      addresses(client, name) {
        const ids = new Set(
          networksOf(client)
            .filter((network) => !network.isPredefined)
            .map((network) => network.id),
        );
        const found = [...endpointsByKey.values()].filter(
          (endpoint) =>
            ids.has(endpoint.networkId) && endpoint.names.some((own) => own === name || `${own}.${networks.get(endpoint.networkId)?.name}` === name),
        );
        return found.length === 0 ? null : found.flatMap(({ ipv4, ipv6 }) => (ipv6 === null ? [ipv4] : [ipv4, ipv6]));
      },
      nameOf(client, address) {
        const endpoint = endpointAt(address);
        const network = endpoint === undefined ? undefined : networksOf(client).find(({ id }) => id === endpoint.networkId);
        return endpoint === undefined || network === undefined ? null : `${endpoint.containerName}.${network.name}`;
      },
      upstream: (client) => (networksOf(client).every((network) => network.internal) ? [] : upstream),
    },
    logger,
  );

  function poolOf(network: Network) {
    const pool = network.ipam.find(({ subnet }) => !isIpv6Text(subnet));
    if (pool === undefined) throw bug(`network ${network.name} has no addresses`);
    return pool;
  }

  const ipv6PoolOf = (network: Network) => network.ipam.find(({ subnet }) => isIpv6Text(subnet));

  function find(reference: string): Network | undefined {
    const byId = networks.get(reference);
    if (byId !== undefined) return byId;
    const byName = [...networks.values()].find((network) => network.name === reference || (reference === 'default' && network.name === 'bridge'));
    if (byName !== undefined) return byName;
    const matches = /^[0-9a-f]{1,64}$/.test(reference) ? [...networks.values()].filter((network) => network.id.startsWith(reference)) : [];
    if (matches.length > 1) throw invalid(`network ${reference} is ambiguous (${matches.length} matches found on ID prefix)`);
    return matches[0];
  }

  function get(reference: string): Network {
    const network = find(reference);
    if (network === undefined) throw notFound(`network ${reference} not found`);
    return network;
  }

  function emit(action: string, network: Network, attributes: Record<string, string> = {}): void {
    events.emit({ type: 'network', action, id: network.id, attributes: { ...attributes, name: network.name, type: network.driver } });
  }

  async function takenSubnets(except: string) {
    const routes = await readRoutes();
    const own = bridged().map((network) => parseSubnet(poolOf(network).subnet));
    return [...own, ...routes.filter((route) => route.interface !== except).map((route) => route.subnet)];
  }

  function record(network: Network): Network {
    networkRecords.put(network.id, toRecord(network));
    networks.set(network.id, network);
    return network;
  }

  async function addPredefined(): Promise<void> {
    const base = { internal: false, attachable: false, enableIpv6: false, labels: {}, createdAt: new Date().toISOString(), isPredefined: true };
    for (const name of predefinedNames) {
      if ([...networks.values()].some((network) => network.name === name && network.isPredefined)) continue;
      const id = randomBytes(32).toString('hex');
      if (name !== 'bridge') {
        record({ ...base, id, name, driver: name === 'host' ? 'host' : 'null', options: {}, ipam: [], bridge: '', mtu: 1500 });
        continue;
      }
      const { bridge } = options;
      const subnet = bridge.subnet ?? formatSubnet(chooseSubnet(options.addressPools ?? defaultAddressPools, await takenSubnets(bridge.name)));
      const settings = {
        'com.docker.network.bridge.default_bridge': 'true',
        'com.docker.network.bridge.enable_icc': 'true',
        'com.docker.network.bridge.enable_ip_masquerade': 'true',
        'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
        'com.docker.network.bridge.name': bridge.name,
        'com.docker.network.driver.mtu': String(bridge.mtu),
      };
      record({ ...base, id, name, driver: 'bridge', options: settings, ipam: [completePool({ subnet })], bridge: bridge.name, mtu: bridge.mtu });
    }
  }

  function checkSpec(spec: NetworkSpec): void {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(spec.name)) {
      throw invalid(`invalid network name ${JSON.stringify(spec.name)}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
    }
    if ([...networks.values()].some((network) => network.name === spec.name)) throw conflict(`network with name ${spec.name} already exists`);
    for (const [family, isOfFamily] of [['IPv6', isIpv6Text] as const, ['IPv4', (subnet: string) => !isIpv6Text(subnet)] as const]) {
      if ((spec.ipam?.filter((pool) => isOfFamily(pool.subnet)).length ?? 0) > 1) throw invalid(`a network can have one ${family} subnet only`);
    }
  }

  function chooseBridge(spec: NetworkSpec, id: string): string {
    const bridge = spec.options?.['com.docker.network.bridge.name'] ?? `gn-${id.slice(0, 12)}`;
    if (!/^[a-zA-Z0-9_.-]{1,15}$/.test(bridge)) throw invalid(`invalid bridge name ${JSON.stringify(bridge)}`);
    if (bridged().some((network) => network.bridge === bridge)) throw conflict(`bridge ${bridge} is used by another network`);
    return bridge;
  }

  function checkFree(asked: IpamPool) {
    const pool = completePool(asked);
    const subnet = parseSubnet(pool.subnet);
    const other = bridged().find((network) => network.ipam.some((taken) => overlaps(parseSubnet(taken.subnet), subnet)));
    if (other !== undefined) throw forbidden(`pool overlaps with other one on this address space: ${other.name} has it`);
    return pool;
  }

  /** Docker leaves an IPv6 subnet aside where IPv6 is not asked for. */
  async function choosePools(spec: NetworkSpec, bridge: string, id: string) {
    const ipv4 = spec.ipam?.find(({ subnet }) => !isIpv6Text(subnet));
    const ipv6 = spec.ipam?.find(({ subnet }) => isIpv6Text(subnet)) ?? { subnet: uniqueLocalSubnet(id) };
    const chosen =
      ipv4 === undefined
        ? completePool({ subnet: formatSubnet(chooseSubnet(options.addressPools ?? defaultAddressPools, await takenSubnets(bridge))) })
        : checkFree(ipv4);
    return spec.enableIpv6 === true ? [chosen, checkFree(ipv6)] : [chosen];
  }

  async function create(spec: NetworkSpec): Promise<Network> {
    checkSpec(spec);
    const id = randomBytes(32).toString('hex');
    const bridge = chooseBridge(spec, id);
    const ipam = await choosePools(spec, bridge, id);
    const mtu = Number(spec.options?.['com.docker.network.driver.mtu'] ?? options.bridge.mtu);
    if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65535) throw invalid('invalid network mtu');
    const network = record({
      id,
      name: spec.name,
      driver: 'bridge',
      internal: spec.internal ?? false,
      attachable: spec.attachable ?? false,
      enableIpv6: spec.enableIpv6 ?? false,
      labels: spec.labels ?? {},
      options: spec.options ?? {},
      ipam,
      bridge,
      mtu,
      createdAt: new Date().toISOString(),
      isPredefined: false,
    });
    try {
      await ensure(id);
    } catch (error) {
      await forget(network);
      throw whileTrying(`create network ${spec.name}`, error);
    }
    emit('create', network);
    return network;
  }

  async function ensure(networkId: string): Promise<void> {
    const network = get(networkId);
    if (network.driver !== 'bridge' || ensured.has(network.id)) return;
    const pool = poolOf(network);
    const withLength = ({ gateway, subnet }: (typeof network.ipam)[number]) => `${gateway}/${parseSubnet(subnet).prefixLength}`;
    const bridge = { name: network.bridge, addresses: [withLength(pool)], mtu: network.mtu };
    await executor.call('network.bridge.ensure', bridge);
    const ipv6Pool = ipv6PoolOf(network);
    await allowForwarding(network.bridge, ipv6Pool !== undefined);
    if (ipv6Pool !== undefined) await executor.call('network.bridge.ensure', { ...bridge, addresses: [...bridge.addresses, withLength(ipv6Pool)] });
    await firewall.apply();
    if (!network.isPredefined || outsideServers.length === 0) await resolver.listen(pool.gateway);
    ensured.add(network.id);
  }

  async function forget(network: Network): Promise<void> {
    networks.delete(network.id);
    networkRecords.delete(network.id);
    ensured.delete(network.id);
    if (network.driver !== 'bridge') return;
    resolver.unlisten(poolOf(network).gateway);
    await firewall.apply();
    await executor.call('network.bridge.delete', { name: network.bridge });
  }

  async function remove(reference: string): Promise<void> {
    const network = get(reference);
    if (network.isPredefined) throw forbidden(`${network.name} is a pre-defined network and cannot be removed`);
    const users = endpoints(network.id);
    if (users.length > 0) throw forbidden(`error while removing network: network ${network.name} id ${network.id} has active endpoints`);
    await forget(network);
    emit('destroy', network);
  }

  const key = (networkId: string, containerId: string) => `${networkId}/${containerId}`;

  function toEndpoint(record: EndpointRecord): Endpoint {
    const network = get(record.networkId);
    const pool = poolOf(network);
    const ipv6Pool = ipv6PoolOf(network);
    const { prefixLength } = parseSubnet(pool.subnet);
    const pools = ipv6Pool === undefined ? [pool] : [pool, ipv6Pool];
    return {
      ...record,
      prefixLength,
      gateway: network.internal ? '' : pool.gateway,
      ipv6PrefixLength: ipv6Pool === undefined ? 0 : parseSubnet(ipv6Pool.subnet).prefixLength,
      ipv6Gateway: network.internal ? null : (ipv6Pool?.gateway ?? null),
      attachment: {
        bridge: network.bridge,
        hostInterface: `gv${sha(record.endpointId, 13)}`,
        mac: record.mac,
        addresses: [
          `${record.ipv4}/${prefixLength}`,
          ...(record.ipv6 === null || ipv6Pool === undefined ? [] : [`${record.ipv6}/${parseSubnet(ipv6Pool.subnet).prefixLength}`]),
        ],
        gateways: network.internal ? [] : pools.map(({ gateway }) => gateway),
        mtu: network.mtu,
      },
    };
  }

  async function reserve(networkId: string, request: EndpointRequest): Promise<Endpoint> {
    const network = get(networkId);
    const known = endpointsByKey.get(key(network.id, request.containerId));
    if (known !== undefined) return toEndpoint(known);
    const ipv6Pool = ipv6PoolOf(network);
    if (request.ipv6 !== null && ipv6Pool === undefined) throw invalid(`network ${network.name} has no IPv6 subnet for the address ${request.ipv6}`);
    await ensure(network.id);
    const used = new Set(endpoints(network.id).flatMap((endpoint) => [endpoint.ipv4, endpoint.ipv6 ?? '']));
    const ipv4 = chooseAddress(poolOf(network), used, request.ipv4);
    const ipv6 = ipv6Pool === undefined ? null : chooseAddress(ipv6Pool, used, request.ipv6);
    const names = [request.containerName, request.containerId.slice(0, 12), request.hostname, ...request.aliases].map((name) => name.toLowerCase());
    const made: EndpointRecord = {
      endpointId: randomBytes(32).toString('hex'),
      networkId: network.id,
      containerId: request.containerId,
      containerName: request.containerName,
      names: [...new Set(names.filter((name) => name !== ''))],
      ipv4,
      ipv6,
      mac: request.mac ?? macOf(ipv4),
    };
    // Of use to a run, which a power cut ends; what outlives one is released when containers are taken up.
    endpointRecords.put(key(network.id, request.containerId), made, 'soon');
    endpointsByKey.set(key(network.id, request.containerId), made);
    return toEndpoint(made);
  }

  function endpoints(networkId: string): Endpoint[] {
    return [...endpointsByKey.values()].filter((endpoint) => endpoint.networkId === networkId).map(toEndpoint);
  }

  await addPredefined();
  await ports.takeUp();
  for (const network of bridged()) if (endpoints(network.id).length > 0) await ensure(network.id);
  if (ports.all().length > 0) await firewall.apply();

  return {
    create,
    get,
    find,
    list: () => [...networks.values()],
    remove,
    async prune({ matches = () => true } = {}) {
      const removed: string[] = [];
      for (const network of [...networks.values()]) {
        if (network.isPredefined || endpoints(network.id).length > 0 || !matches(network)) continue;
        await remove(network.id);
        removed.push(network.name);
      }
      return { removed };
    },
    ensure,
    reserve,
    async release(networkId, containerId) {
      endpointsByKey.delete(key(networkId, containerId));
      endpointRecords.delete(key(networkId, containerId), 'soon');
    },
    endpoints,
    endpointsOf: (containerId) => [...endpointsByKey.values()].filter((endpoint) => endpoint.containerId === containerId).map(toEndpoint),
    nameServers(networkIds) {
      const own = networkIds.map(get).filter((network) => network.driver === 'bridge' && (!network.isPredefined || outsideServers.length === 0));
      return own.length > 0 ? own.map((network) => poolOf(network).gateway) : outsideServers;
    },
    ports,
    close() {
      resolver.close();
      ports.close();
    },
    async withdraw() {
      await firewall.remove();
      for (const network of bridged()) await executor.call('network.bridge.delete', { name: network.bridge });
    },
  };
}
