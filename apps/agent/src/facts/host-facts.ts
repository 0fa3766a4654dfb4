import { readFileSync } from 'node:fs';
import { arch, cpus, hostname, networkInterfaces, release, totalmem } from 'node:os';
import type { NodeFacts } from '@gantry/contracts/agent-link';

export type HostFacts = Pick<NodeFacts, 'hostname' | 'operatingSystem' | 'kernel' | 'architecture' | 'cpus' | 'memoryBytes' | 'cgroupVersion' | 'addresses'>;

/** What this host is. `ownInterfaces` are bridges the agent made, whose addresses mean nothing outside. */
export function observeHost(options: { ownInterfaces: readonly string[] }): HostFacts {
  return {
    hostname: hostname(),
    operatingSystem: toOperatingSystem(readIfThere('/etc/os-release') || readIfThere('/usr/lib/os-release')),
    kernel: release(),
    architecture: toArchitecture(arch()),
    cpus: Math.max(1, cpus().length),
    memoryBytes: totalmem(),
    cgroupVersion: toCgroupVersion(readIfThere('/proc/self/mounts')),
    addresses: toAddresses(networkInterfaces(), options.ownInterfaces),
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Minimal hosts have no os-release; a fact that can not be read is left out, not fatal.
    return '';
  }
}

export function toOperatingSystem(osRelease: string): string {
  const values = new Map(
    osRelease.split('\n').flatMap((line) => {
      const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim());
      return match?.[1] === undefined ? [] : [[match[1], match[2] ?? match[3] ?? match[4] ?? '']];
    }),
  );
  return (values.get('PRETTY_NAME') ?? values.get('NAME') ?? 'Linux').slice(0, 255);
}

/** uname's words, which Docker and Swarm use. */
export function toArchitecture(nodeArch: string): string {
  const names: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', arm: 'armv7l', ia32: 'i686', ppc64: 'ppc64le' };
  return names[nodeArch] ?? nodeArch;
}

/** `hybrid`: controllers on v1, with a v2 tree beside them (systemd's name for it). */
export function toCgroupVersion(mounts: string): NodeFacts['cgroupVersion'] {
  const types = new Set(mounts.split('\n').flatMap((line) => line.split(' ')[2] ?? []));
  if (types.has('cgroup')) return types.has('cgroup2') ? 'hybrid' : 'v1';
  return types.has('cgroup2') ? 'v2' : 'none';
}

export function toAddresses(interfaces: ReturnType<typeof networkInterfaces>, ownInterfaces: readonly string[]): string[] {
  return Object.entries(interfaces)
    .filter(([name]) => !ownInterfaces.includes(name) && !/^(veth|docker|br-|gt)/.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address)
    .slice(0, 64);
}
