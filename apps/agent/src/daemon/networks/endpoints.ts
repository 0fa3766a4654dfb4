import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, type Filters, matchesName, parseFilters, parseTimestamp } from '@gantry/engine-api/protocol';
import { shapeNetwork } from '@gantry/engine-api/shapes';
import { NetworkConnectBody, type NetworkContainer, NetworkCreateBody, NetworkDisconnectBody, type NetworkInspect } from '@gantry/engine-api/types';
import { hasCode } from '@gantry/platform/errors';
import type { IpamPool, Network } from '@gantry/runtime/networks';
import { toEndpointSpec } from '../containers/to-spec.ts';
import { emitPrune } from '../emit.ts';
import { type Endpoint, on } from '../endpoint.ts';
import type { Engine } from '../engine.ts';
import { getContainer, getNetwork } from '../lookup.ts';

const listFilters = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

function membersOf(engine: Engine, network: Network): Record<string, NetworkContainer> {
  const running = engine.runtime.containers.list().filter((container) => container.state.pid !== 0);
  const members = running.flatMap((container): [string, NetworkContainer][] => {
    const membership = Object.values(container.networks).find(({ networkId }) => networkId === network.id);
    if (membership === undefined) return [];
    const { endpoint } = membership;
    return [
      [
        container.id,
        {
          Name: container.name,
          EndpointID: endpoint?.endpointId ?? '',
          MacAddress: endpoint?.mac ?? '',
          IPv4Address: endpoint ? `${endpoint.ipv4}/${endpoint.prefixLength}` : '',
          IPv6Address: endpoint?.ipv6 ? `${endpoint.ipv6}/${endpoint.ipv6PrefixLength}` : '',
        },
      ],
    ];
  });
  return Object.fromEntries(members);
}

function toNetworkInspect(network: Network, containers: Record<string, NetworkContainer>): NetworkInspect {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: network.enableIpv6,
    IPAM: {
      Driver: 'default',
      Options: network.isPredefined ? null : {},
      Config: network.ipam.map((pool) => ({
        Subnet: pool.subnet,
        ...(pool.ipRange ? { IPRange: pool.ipRange } : {}),
        ...(pool.gateway ? { Gateway: pool.gateway } : {}),
      })),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: containers,
    Options: network.options,
    Labels: network.labels,
  };
}

function isInUse(engine: Engine, network: Network): boolean {
  return engine.runtime.containers.list().some((container) => Object.values(container.networks).some(({ networkId }) => networkId === network.id));
}

function networkPredicate(engine: Engine, filters: Filters): (network: Network) => boolean {
  for (const type of filters.get('type')) if (type !== 'custom' && type !== 'builtin') throw new EngineError(400, `invalid filter: 'type'='${type}'`);
  const dangling = filters.has('dangling') ? filters.boolean('dangling', false) : null;
  return (network) =>
    filters.some('driver', (driver) => driver === network.driver) &&
    filters.some('id', (id) => network.id.startsWith(id)) &&
    filters.some('name', (name) => matchesName(network.name, name)) &&
    filters.some('scope', (scope) => scope === 'local') &&
    filters.some('type', (type) => (type === 'builtin') === network.isPredefined) &&
    filters.matchesLabels(network.labels) &&
    (dangling === null || (!network.isPredefined && !isInUse(engine, network)) === dangling);
}

function listNetworks(engine: Engine, exchange: Exchange): void {
  const matches = networkPredicate(engine, parseFilters(exchange.text('filters'), listFilters));
  const networks = engine.runtime.networks.list().filter(matches);
  exchange.sendJson(
    200,
    networks.map((network) => shapeNetwork(exchange.version, toNetworkInspect(network, {}))),
  );
}

function inspectNetwork(engine: Engine, exchange: Exchange): void {
  const scope = exchange.text('scope');
  const network = getNetwork(engine, exchange.param('id'));
  if (scope !== null && scope !== 'local') throw new EngineError(404, `network ${exchange.param('id')} not found`);
  exchange.sendJson(200, shapeNetwork(exchange.version, toNetworkInspect(network, membersOf(engine, network))));
}

function toPools(body: NetworkCreateBody): IpamPool[] {
  return (body.IPAM?.Config ?? [])
    .filter((pool) => pool.Subnet !== '')
    .map((pool) => ({
      subnet: pool.Subnet,
      ...(pool.Gateway === '' ? {} : { gateway: pool.Gateway }),
      ...(pool.IPRange === '' ? {} : { ipRange: pool.IPRange }),
      reserved: Object.values(pool.AuxiliaryAddresses),
    }));
}

async function createNetwork(engine: Engine, exchange: Exchange): Promise<void> {
  const body = await exchange.json(NetworkCreateBody);
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(body.Name))
    throw new EngineError(400, `invalid network name "${body.Name}": only [a-zA-Z0-9][a-zA-Z0-9_.-]* are allowed`);
  if (['bridge', 'host', 'none', 'default'].includes(body.Name)) throw new EngineError(403, `operation is not permitted on predefined ${body.Name} network`);
  const driver = body.Driver || 'bridge';
  if (driver === 'overlay')
    throw new EngineError(403, 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.');
  if (['host', 'null'].includes(driver)) throw new EngineError(403, `only one instance of "${driver}" network is allowed`);
  if (driver !== 'bridge') throw new EngineError(404, `could not find plugin ${driver} in v1 plugin registry: plugin not found`);
  if (engine.runtime.networks.list().some((network) => network.name === body.Name)) throw new EngineError(409, `network with name ${body.Name} already exists`);
  const network = await engine.runtime.networks.create({
    name: body.Name,
    driver,
    internal: body.Internal,
    attachable: body.Attachable,
    enableIpv6: body.EnableIPv6,
    labels: body.Labels,
    options: body.Options,
    ipam: toPools(body),
  });
  exchange.sendJson(201, { Id: network.id, Warning: '' });
}

async function removeNetwork(engine: Engine, exchange: Exchange): Promise<void> {
  const network = getNetwork(engine, exchange.param('id'));
  if (network.isPredefined) throw new EngineError(403, `${network.name} is a pre-defined network and cannot be removed`);
  try {
    await engine.runtime.networks.remove(network.id);
  } catch (cause) {
    if (!hasCode(cause, 'conflict')) throw cause;
    throw activeEndpoints(engine, network, cause);
  }
  exchange.sendStatus(204);
}

function activeEndpoints(engine: Engine, network: Network, cause: unknown): EngineError {
  const members = Object.values(membersOf(engine, network)).map((member) => `name:"${member.Name}" id:"${member.EndpointID.slice(0, 12)}"`);
  return new EngineError(403, `error while removing network: network ${network.name} has active endpoints (${members.join(', ')})`, { cause });
}

async function connectNetwork(engine: Engine, exchange: Exchange): Promise<void> {
  const body = await exchange.json(NetworkConnectBody);
  const network = getNetwork(engine, exchange.param('id'));
  const container = getContainer(engine, body.Container);
  if (network.driver === 'host') throw new EngineError(403, 'container cannot be connected to host network');
  await engine.runtime.containers.connect(container.id, network.id, toEndpointSpec(body.EndpointConfig ?? null));
  exchange.sendStatus(200);
}

async function disconnectNetwork(engine: Engine, exchange: Exchange): Promise<void> {
  const body = await exchange.json(NetworkDisconnectBody);
  const network = getNetwork(engine, exchange.param('id'));
  const container = getContainer(engine, body.Container);
  if (network.driver === 'host')
    throw new EngineError(403, 'container cannot be disconnected from host network - container is not connected to it through a private namespace');
  if (!Object.values(container.networks).some(({ networkId }) => networkId === network.id)) {
    throw new EngineError(403, `container ${container.id} is not connected to network ${network.name}`);
  }
  await engine.runtime.containers.disconnect(container.id, network.id, { force: body.Force });
  exchange.sendStatus(200);
}

async function pruneNetworks(engine: Engine, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.text('filters'), ['label', 'label!', 'until']);
  const limits = filters.get('until').map((text) => {
    const time = parseTimestamp(text, Date.now());
    if (time === null) throw new EngineError(400, `invalid filter 'until=${text}'`);
    return time;
  });
  const names = new Map(engine.runtime.networks.list().map((network) => [network.id, network.name]));
  const { removed } = await engine.runtime.networks.prune({
    matches: (network) =>
      !isInUse(engine, network) &&
      filters.matchesLabels(network.labels) &&
      (!filters.has('label!') || !filters.matchesLabels(network.labels, 'label!')) &&
      limits.every((limit) => BigInt(Date.parse(network.createdAt)) * 1_000_000n < limit),
  });
  emitPrune(engine, 'network', 0);
  exchange.sendJson(200, { NetworksDeleted: removed.length > 0 ? removed.map((id) => names.get(id) ?? id) : null });
}

export const networkEndpoints: readonly Endpoint[] = [
  on('GET', '/networks', listNetworks),
  on('GET', '/networks/', listNetworks),
  on('POST', '/networks/create', createNetwork),
  on('POST', '/networks/prune', pruneNetworks),
  on('POST', '/networks/{id}/connect', connectNetwork),
  on('POST', '/networks/{id}/disconnect', disconnectNetwork),
  on('GET', '/networks/{id}', inspectNetwork),
  on('DELETE', '/networks/{id}', removeNetwork),
];
