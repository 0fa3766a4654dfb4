import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid } from '@gantry/platform/errors';
import type { Endpoint } from '@gantry/runtime/networks';
import type { RuntimeFilePaths } from './oci/oci-mounts.ts';
import type { ContainerSpec } from './spec.ts';

export interface HostsRequest {
  readonly hostname: string;
  readonly domainname: string;
  readonly extraHosts: readonly string[];
  readonly endpoints: readonly Endpoint[];
  readonly hostGateway: string;
  /** Legacy links: address → names. */
  readonly links: readonly { readonly address: string; readonly names: readonly string[] }[];
}

const standardHosts = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

function extraLine(entry: string, hostGateway: string): string {
  const colon = entry.search(/[:=]/);
  const name = entry.slice(0, colon);
  const address = entry.slice(colon + 1).replace(/^\[(.*)\]$/, '$1');
  if (colon < 1 || address === '') throw invalid(`bad format for add-host: ${JSON.stringify(entry.slice(0, 200))}`);
  return `${address === 'host-gateway' ? hostGateway : address}\t${name}`;
}

export function toHosts(request: HostsRequest): string {
  const own = request.domainname === '' ? request.hostname : `${request.hostname}.${request.domainname} ${request.hostname}`;
  const lines = [
    ...standardHosts,
    ...request.extraHosts.map((entry) => extraLine(entry, request.hostGateway)),
    ...request.links.map(({ address, names }) => `${address}\t${names.join(' ')}`),
    ...request.endpoints.flatMap(({ ipv4, ipv6 }) => (ipv6 === null ? [ipv4] : [ipv4, ipv6])).map((address) => `${address}\t${own}`),
  ];
  return `${lines.join('\n')}\n`;
}

export interface ResolvConfRequest {
  readonly spec: ContainerSpec['hostConfig'];
  readonly nameServers: readonly string[];
  readonly hostSearch: readonly string[];
  readonly hostOptions: readonly string[];
  /** Our resolver knows names without dots itself. */
  readonly isUserDefined: boolean;
}

export function toResolvConf({ spec, nameServers, hostSearch, hostOptions, isUserDefined }: ResolvConfRequest): string {
  const servers = spec.dns.length > 0 ? spec.dns : nameServers;
  const search = spec.dnsSearch.length > 0 ? spec.dnsSearch.filter((domain) => domain !== '.') : hostSearch;
  const inherited = isUserDefined ? [...hostOptions.filter((option) => !option.startsWith('ndots:')), 'ndots:0'] : hostOptions;
  const options = spec.dnsOptions.length > 0 ? spec.dnsOptions : inherited;
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
    '',
  ].join('\n');
}

export function filesOf(directory: string): RuntimeFilePaths {
  return { hostname: join(directory, 'hostname'), hosts: join(directory, 'hosts'), resolvConf: join(directory, 'resolv.conf') };
}

/** Written in place: a running container has these very files mounted. Small, and quicker written than handed to a thread. */
export function writeRuntimeFiles(files: RuntimeFilePaths, content: { hostname: string; hosts: string; resolvConf: string }): void {
  writeFileSync(files.hostname, `${content.hostname}\n`, { mode: 0o644 });
  writeFileSync(files.hosts, content.hosts, { mode: 0o644 });
  writeFileSync(files.resolvConf, content.resolvConf, { mode: 0o644 });
}

/** For containers in the host's own network. */
export async function readHostFiles(): Promise<{ hosts: string; resolvConf: string }> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  return { hosts: await read('/etc/hosts'), resolvConf: await read('/etc/resolv.conf') };
}
