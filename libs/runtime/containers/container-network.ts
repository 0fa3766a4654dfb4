import { writeFile } from 'node:fs/promises';
import { conflict, invalid, whileTrying } from '@gantry/platform/errors';
import type { Endpoint, PortRequest } from '@gantry/runtime/networks';
import { readHostResolvConf } from '@gantry/runtime/networks';
import type { ContainerTable } from './container-table.ts';
import type { LiveContainer } from './live-container.ts';
import type { ContainerParts } from './parts.ts';
import { filesOf, readHostFiles, toHosts, toResolvConf, writeRuntimeFiles } from './runtime-files.ts';
import type { EndpointSpec } from './spec.ts';

export interface PluggedEndpoint {
  readonly endpoint: Endpoint;
  readonly interfaceName: string;
}

/** A container's side of networks: endpoints, published ports, and the files in /etc that tell of them. */
export interface ContainerNetworking {
  /** Reserves all endpoints; ports are published by `publish`, once the container is made. */
  plug(live: LiveContainer): Promise<PluggedEndpoint[]>;
  publish(live: LiveContainer): Promise<void>;
  unplug(live: LiveContainer): Promise<void>;
  /** Tells of what `unplug` did; apart from it, for events have an order of their own. */
  emitDisconnected(live: LiveContainer): void;
  writeFiles(live: LiveContainer): Promise<void>;
  connect(live: LiveContainer, reference: string, spec: EndpointSpec): Promise<void>;
  disconnect(live: LiveContainer, reference: string): Promise<void>;
}

export function hostnameOf(live: LiveContainer): string {
  return live.record.spec.hostname || live.id.slice(0, 12);
}

/**
 * With br_netfilter on, a published port of a bridge's own member is translated while still on the bridge: the frame then has to leave by the port it came
 * in, which bridges do only where told.
 */
export async function allowHairpin(hostInterface: string): Promise<void> {
  try {
    await writeFile(`/sys/class/net/${hostInterface}/brport/hairpin_mode`, '1');
  } catch (cause) {
    throw whileTrying(`let ${hostInterface} send frames back where they came from`, cause);
  }
}

/** One default route for each family: by way of the first network that has one. */
export function newGateways({ attachment }: Endpoint, earlier: readonly Endpoint[]): string[] {
  const routed = new Set(earlier.flatMap((other) => other.attachment.gateways).map((gateway) => gateway.includes(':')));
  return attachment.gateways.filter((gateway) => !routed.has(gateway.includes(':')));
}

/** `8080` → 8080, `8000-8010` → a range, '' and `0` → 0. */
function parseHostPort(text: string): PortRequest['hostPort'] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text === '' ? '0' : text);
  const first = Number(match?.[1] ?? Number.NaN);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  if (match === null || first > 65535 || last > 65535 || last < first) throw invalid(`invalid port specification: ${JSON.stringify(text)}`);
  return first === last ? first : [first, last];
}

/** What a container publishes, given the address it got. */
export function toPortRequests(live: LiveContainer, endpoint: Pick<Endpoint, 'ipv4' | 'ipv6'>, publishAddress: string): PortRequest[] {
  const { hostConfig } = live.record.spec;
  const bindings = { ...hostConfig.portBindings };
  if (hostConfig.publishAllPorts) for (const port of live.record.process.exposedPorts) bindings[port] ??= [{ hostIp: '', hostPort: '' }];
  return Object.entries(bindings).flatMap(([key, hosts]) => {
    const [portText = '', protocol = 'tcp'] = key.split('/');
    if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') throw invalid(`invalid protocol: ${protocol}`);
    const port = Number(portText);
    const ipv6Targets = endpoint.ipv6 === null ? undefined : [{ ip: endpoint.ipv6, port }];
    return hosts.flatMap(({ hostIp, hostPort }): PortRequest[] => {
      const request: Pick<PortRequest, 'protocol' | 'hostPort'> = { protocol, hostPort: parseHostPort(hostPort) };
      // As Docker without its proxy: an IPv6 address leads to a container that has one too.
      if (hostIp.includes(':')) return ipv6Targets === undefined ? [] : [{ ...request, hostIp, targets: ipv6Targets }];
      const isEverywhere = hostIp === '' && publishAddress === '0.0.0.0';
      return [
        {
          ...request,
          hostIp: hostIp || publishAddress,
          targets: [{ ip: endpoint.ipv4, port }],
          ...(isEverywhere && ipv6Targets !== undefined ? { ipv6Targets } : {}),
        },
      ];
    });
  });
}

export function createContainerNetworking(parts: ContainerParts, table: ContainerTable): ContainerNetworking {
  const { networks, executor, events } = parts;

  function emit(action: string, networkId: string, live: LiveContainer): void {
    const network = networks.find(networkId);
    if (network === undefined) return;
    events.emit({ type: 'network', action, id: network.id, attributes: { container: live.id, name: network.name, type: network.driver } });
  }

  function request(live: LiveContainer, spec: EndpointSpec) {
    return {
      containerId: live.id,
      containerName: live.record.name,
      hostname: hostnameOf(live),
      aliases: spec.aliases,
      ipv4: spec.ipv4 === '' ? null : spec.ipv4,
      ipv6: spec.ipv6 === '' ? null : spec.ipv6,
      mac: spec.mac === '' ? null : spec.mac,
    };
  }

  async function plug(live: LiveContainer): Promise<PluggedEndpoint[]> {
    const plugged: PluggedEndpoint[] = [];
    const saved: LiveContainer['record']['networks'] = {};
    for (const [name, entry] of Object.entries(live.record.networks)) {
      saved[name] = entry;
      if (networks.get(entry.networkId).driver !== 'bridge') continue;
      const interfaceName = `eth${plugged.length}`;
      plugged.push({ endpoint: await networks.reserve(entry.networkId, request(live, entry.spec)), interfaceName });
      saved[name] = { ...entry, interfaceName };
    }
    // For the agent that takes the run up; a power cut ends the run.
    if (plugged.length > 0) table.save(live, { networks: saved }, 'soon');
    return plugged;
  }

  async function publish(live: LiveContainer): Promise<void> {
    const [main] = networks.endpointsOf(live.id);
    if (main === undefined) return;
    const requests = toPortRequests(live, main, parts.settings.publishAddress);
    if (requests.length > 0) await networks.ports.ensure(live.id, requests);
  }

  function linksOf(live: LiveContainer): { address: string; names: string[] }[] {
    return live.record.spec.hostConfig.links.flatMap((link) => {
      const [source = '', alias = source] = link.split(':');
      const target = table.find(source);
      const address = target === undefined ? undefined : networks.endpointsOf(target.id)[0]?.ipv4;
      return target === undefined || address === undefined ? [] : [{ address, names: [...new Set([alias, hostnameOf(target), target.record.name])] }];
    });
  }

  async function writeFiles(live: LiveContainer): Promise<void> {
    const files = filesOf(table.directory(live.id));
    const { spec } = live.record;
    const hostname = hostnameOf(live);
    const endpoints = networks.endpointsOf(live.id);
    const used = Object.values(live.record.networks).map(({ networkId }) => networks.get(networkId));
    if (used.some((network) => network.driver === 'host')) {
      const host = await readHostFiles();
      const extra = spec.hostConfig.extraHosts.map((entry) => entry.replace(/^([^:=]+)[:=](.*)$/, '$2\t$1')).join('\n');
      writeRuntimeFiles(files, { hostname, hosts: `${host.hosts}${extra === '' ? '' : `${extra}\n`}`, resolvConf: host.resolvConf });
      return;
    }
    const host = readHostResolvConf();
    const hosts = toHosts({
      hostname,
      domainname: spec.domainname,
      extraHosts: spec.hostConfig.extraHosts,
      endpoints,
      hostGateway: networks.get('bridge').ipam[0]?.gateway ?? '',
      links: linksOf(live),
    });
    const resolvConf = toResolvConf({
      spec: spec.hostConfig,
      nameServers: networks.nameServers(used.map((network) => network.id)),
      hostSearch: host.search,
      hostOptions: host.options,
      isUserDefined: used.some((network) => !network.isPredefined),
    });
    writeRuntimeFiles(files, { hostname, hosts, resolvConf });
  }

  return {
    plug: async (live) => {
      const plugged = await plug(live);
      for (const { networkId } of Object.values(live.record.networks)) emit('connect', networkId, live);
      return plugged;
    },
    publish,
    async unplug(live) {
      await networks.ports.release(live.id);
      for (const endpoint of networks.endpointsOf(live.id)) await networks.release(endpoint.networkId, live.id);
    },
    emitDisconnected(live) {
      for (const { networkId } of Object.values(live.record.networks)) emit('disconnect', networkId, live);
    },
    writeFiles,
    async connect(live, reference, spec) {
      const network = networks.get(reference);
      if (network.driver !== 'bridge') throw invalid(`container cannot be connected to the ${network.name} network`);
      if (Object.values(live.record.networks).some((entry) => networks.get(entry.networkId).driver === 'host')) {
        throw invalid('container cannot be connected to network endpoints: it shares the network of the host');
      }
      if (live.record.networks[network.name] !== undefined) throw conflict(`endpoint with name ${live.record.name} already exists in network ${network.name}`);
      const others = Object.fromEntries(Object.entries(live.record.networks).filter(([name]) => name !== 'none'));
      if (!live.hasProcess) return table.save(live, { networks: { ...others, [network.name]: { networkId: network.id, spec, interfaceName: '' } } });
      const taken = new Set(Object.values(others).map((entry) => entry.interfaceName));
      let index = 0;
      while (taken.has(`eth${index}`)) index++;
      const interfaceName = `eth${index}`;
      const endpoint = await networks.reserve(network.id, request(live, spec));
      try {
        const gateways = newGateways(
          endpoint,
          networks.endpointsOf(live.id).filter((other) => other.networkId !== network.id),
        );
        await executor.call('network.connect', { containerId: live.id, attachment: { ...endpoint.attachment, gateways, name: interfaceName } });
        await allowHairpin(endpoint.attachment.hostInterface);
      } catch (error) {
        await networks.release(network.id, live.id);
        throw error;
      }
      table.save(live, { networks: { ...others, [network.name]: { networkId: network.id, spec, interfaceName } } });
      await writeFiles(live);
      emit('connect', network.id, live);
    },
    async disconnect(live, reference) {
      const network = networks.get(reference);
      const entry = live.record.networks[network.name];
      if (entry === undefined) throw conflict(`container ${live.id} is not connected to network ${network.name}`);
      if (network.driver === 'host') throw invalid('container cannot be disconnected from host network or connected to host network');
      const { [network.name]: _gone, ...others } = live.record.networks;
      const endpoint = networks.endpointsOf(live.id).find((candidate) => candidate.networkId === network.id);
      if (live.hasProcess && endpoint !== undefined) {
        const isMain = networks.endpointsOf(live.id)[0]?.networkId === network.id;
        await executor.call('network.disconnect', { containerId: live.id, hostInterface: endpoint.attachment.hostInterface, name: entry.interfaceName });
        await networks.release(network.id, live.id);
        if (isMain) await networks.ports.release(live.id);
      }
      table.save(live, { networks: others });
      if (live.hasProcess) {
        await publish(live);
        await writeFiles(live);
        emit('disconnect', network.id, live);
      }
    },
  };
}
