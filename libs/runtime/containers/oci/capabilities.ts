import { readFileSync } from 'node:fs';
import { invalid } from '@gantry/platform/errors';

/** In the order of their numbers (capabilities(7)): the index is the bit. */
export const knownCapabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

/** What Docker gives a container that asks for nothing. */
export const defaultCapabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'MKNOD',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETFCAP',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
].map((name) => `CAP_${name}`);

function normalise(name: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return 'ALL';
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!knownCapabilities.includes(full)) throw invalid(`unknown capability ${JSON.stringify(name)}`);
  return full;
}

export interface CapabilityRequest {
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
}

/** `available` is what this process itself may hand on: no more than the kernel knows, and than its own bounding set allows. */
export function resolveCapabilities(request: CapabilityRequest, available: readonly string[]): string[] {
  const add = request.capAdd.map(normalise);
  const drop = request.capDrop.map(normalise);
  if (request.privileged) return [...available];
  const base = drop.includes('ALL') ? [] : defaultCapabilities;
  const wanted = add.includes('ALL') ? available.filter((name) => !drop.includes(name)) : [...base.filter((name) => !drop.includes(name)), ...add];
  return [...new Set(wanted)].filter((name) => available.includes(name));
}

export function parseCapabilityMask(hex: string): string[] {
  const mask = BigInt(`0x${hex}`);
  return knownCapabilities.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
}

let available: readonly string[] | undefined;

/** This process' bounding set; it never changes it. */
export function readAvailableCapabilities(): readonly string[] {
  available ??= parseCapabilityMask(/^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0');
  return available;
}
