import type { EndpointSettings, PortMap, PortSummary } from '@gantry/engine-api/types';
import type { Container, ContainerNetwork, ContainerPort } from '@gantry/runtime/containers';

function toEndpointSettings(container: Container, network: ContainerNetwork): EndpointSettings {
  const { endpoint, spec } = network;
  const hasAddress = spec.ipv4 !== null || spec.ipv6 !== null;
  return {
    IPAMConfig: hasAddress ? { ...(spec.ipv4 === null ? {} : { IPv4Address: spec.ipv4 }), ...(spec.ipv6 === null ? {} : { IPv6Address: spec.ipv6 }) } : null,
    Links: spec.links.length > 0 ? spec.links : null,
    Aliases: spec.aliases.length > 0 ? spec.aliases : null,
    MacAddress: endpoint?.mac ?? '',
    DriverOpts: Object.keys(spec.driverOptions).length > 0 ? spec.driverOptions : null,
    GwPriority: 0,
    NetworkID: network.networkId,
    EndpointID: endpoint?.endpointId ?? '',
    Gateway: endpoint?.gateway ?? '',
    IPAddress: endpoint?.ipv4 ?? '',
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6Gateway ?? '',
    GlobalIPv6Address: endpoint?.ipv6 ?? '',
    GlobalIPv6PrefixLen: endpoint?.ipv6 ? endpoint.ipv6PrefixLength : 0,
    DNSNames: container.spec.hostConfig.networkMode === 'bridge' ? null : (endpoint?.names ?? null),
  };
}

export function toEndpoints(container: Container): Record<string, EndpointSettings> {
  return Object.fromEntries(Object.entries(container.networks).map(([name, network]) => [name, toEndpointSettings(container, network)]));
}

function hasProcess(container: Container): boolean {
  return container.state.pid > 0;
}

/** Ports mean something only where the container has an address of its own. */
function hasAddress(container: Container): boolean {
  return hasProcess(container) && Object.values(container.networks).some(({ endpoint }) => endpoint !== null);
}

export function toPortMap(container: Container): PortMap {
  if (!hasAddress(container)) return {};
  return Object.fromEntries(
    container.ports.map((port) => [
      port.containerPort,
      port.published === null || port.published.length === 0
        ? null
        : port.published.map(({ hostIp, hostPort }) => ({ HostIp: hostIp, HostPort: String(hostPort) })),
    ]),
  );
}

function summarise(port: ContainerPort): PortSummary[] {
  const [number, protocol] = port.containerPort.split('/');
  const shared = { PrivatePort: Number(number), Type: protocol ?? 'tcp' };
  if (port.published === null || port.published.length === 0) return [shared];
  return port.published.map(({ hostIp, hostPort }) => ({ IP: hostIp, PrivatePort: shared.PrivatePort, PublicPort: hostPort, Type: shared.Type }));
}

export function toPortSummaries(container: Container): PortSummary[] {
  return hasAddress(container) ? container.ports.flatMap(summarise) : [];
}

/** NetworkSettings of an inspect answer: the default network's endpoint is repeated at the top, where it once was alone. */
export function toNetworkSettings(container: Container): Record<string, unknown> {
  const networks = toEndpoints(container);
  const bridge = networks.bridge;
  const sandbox = hasProcess(container) ? container.id : '';
  return {
    Bridge: '',
    SandboxID: sandbox,
    SandboxKey: sandbox === '' ? '' : `/proc/${container.state.pid}/ns/net`,
    Ports: toPortMap(container),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.EndpointID ?? '',
    Gateway: bridge?.Gateway ?? '',
    GlobalIPv6Address: bridge?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge?.IPAddress ?? '',
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: bridge?.IPv6Gateway ?? '',
    MacAddress: bridge?.MacAddress ?? '',
    Networks: networks,
  };
}
