import { statSync } from 'node:fs';
import { invalid } from '@gantry/platform/errors';
import type { Resources } from '../spec.ts';

export interface DeviceNode {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

interface DeviceRule {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

/** Nothing, then what every container needs: null, zero, full, random, urandom, tty, console, ptmx, pts. mknod of anything is harmless by itself. */
const defaultDeviceRules: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
    [5, 2],
  ].map(([major = 0, minor = 0]) => ({ allow: true, type: 'c', major, minor, access: 'rwm' })),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];

const minMemoryBytes = 6 * 1024 * 1024;

/** glibc's makedev, backwards. */
export function splitDevice(device: number): { major: number; minor: number } {
  const bits = BigInt(device);
  return { major: Number(((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn)), minor: Number((bits & 0xffn) | ((bits >> 12n) & ~0xffn)) };
}

export function readDevice(pathOnHost: string, pathInContainer: string): DeviceNode {
  const found = statSync(pathOnHost, { throwIfNoEntry: false });
  if (found === undefined)
    throw invalid(`error gathering device information while adding custom device ${JSON.stringify(pathOnHost)}: no such file or directory`);
  if (!found.isCharacterDevice() && !found.isBlockDevice())
    throw invalid(`error gathering device information while adding custom device ${JSON.stringify(pathOnHost)}: not a device node`);
  return {
    path: pathInContainer,
    type: found.isCharacterDevice() ? 'c' : 'b',
    ...splitDevice(found.rdev),
    fileMode: found.mode & 0o7777,
    uid: found.uid,
    gid: found.gid,
  };
}

/** Block devices by number, which is how the kernel limits them. */
function limitDevices<Limit extends object>(limits: readonly ({ readonly path: string } & Limit)[]) {
  return limits.map(({ path, ...limit }) => {
    const { major, minor } = readDevice(path, path);
    return { major, minor, ...limit };
  });
}

function blockIo(resources: Resources): Record<string, unknown> | null {
  const given = {
    ...(resources.blkioWeight === 0 ? {} : { weight: resources.blkioWeight }),
    ...Object.fromEntries(
      Object.entries({
        weightDevice: limitDevices(resources.blkioWeightDevices),
        throttleReadBpsDevice: limitDevices(resources.blkioReadBps),
        throttleWriteBpsDevice: limitDevices(resources.blkioWriteBps),
        throttleReadIOPSDevice: limitDevices(resources.blkioReadIops),
        throttleWriteIOPSDevice: limitDevices(resources.blkioWriteIops),
      }).filter(([, devices]) => devices.length > 0),
    ),
  };
  return Object.keys(given).length > 0 ? given : null;
}

/** No driver is built in: a request for devices cannot be met. */
function refuseDeviceRequests({ deviceRequests: [first] }: Resources): void {
  if (first === undefined) return;
  const wanted = first.capabilities.map((all) => all.join(' ')).join('] [');
  throw invalid(`could not select device driver ${JSON.stringify(first.driver)} with capabilities: [[${wanted}]]`);
}

function parseRule(text: string): DeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw invalid(`invalid device cgroup rule: '${text.slice(0, 100)}'`);
  const [, type = 'a', major = '*', minor = '*', access = ''] = match;
  return { allow: true, type, ...(major === '*' ? {} : { major: Number(major) }), ...(minor === '*' ? {} : { minor: Number(minor) }), access };
}

function cpu(resources: Resources) {
  const quota =
    resources.nanoCpus > 0
      ? { period: 100_000, quota: Math.round(resources.nanoCpus / 10_000) }
      : {
          ...(resources.cpuPeriod === 0 ? {} : { period: resources.cpuPeriod }),
          ...(resources.cpuQuota === 0 ? {} : { quota: resources.cpuQuota }),
        };
  return {
    ...quota,
    ...(resources.cpuShares === 0 ? {} : { shares: resources.cpuShares }),
    ...(resources.cpuRealtimePeriod === 0 ? {} : { realtimePeriod: resources.cpuRealtimePeriod }),
    ...(resources.cpuRealtimeRuntime === 0 ? {} : { realtimeRuntime: resources.cpuRealtimeRuntime }),
    ...(resources.cpusetCpus === '' ? {} : { cpus: resources.cpusetCpus }),
    ...(resources.cpusetMems === '' ? {} : { mems: resources.cpusetMems }),
  };
}

/** Memory and swap together are twice the memory unless said, as in Docker. */
export function effectiveMemorySwap(resources: Resources): number {
  return resources.memory > 0 && resources.memorySwap === 0 ? resources.memory * 2 : resources.memorySwap;
}

function memory(resources: Resources) {
  const swap = effectiveMemorySwap(resources);
  return {
    ...(resources.memory === 0 ? {} : { limit: resources.memory }),
    ...(resources.memoryReservation === 0 ? {} : { reservation: resources.memoryReservation }),
    ...(swap === 0 ? {} : { swap }),
    ...(resources.memorySwappiness === null ? {} : { swappiness: resources.memorySwappiness }),
    ...(resources.oomKillDisable ? { disableOOMKiller: true } : {}),
  };
}

/** What Docker refuses before it makes anything. */
export function checkResources(resources: Resources): void {
  if (resources.memory !== 0 && resources.memory < minMemoryBytes) throw invalid('minimum memory limit allowed is 6MB', { field: 'hostConfig.memory' });
  if (resources.memorySwap > 0 && resources.memory === 0) throw invalid('you should always set the Memory limit when using Memoryswap limit, see usage');
  if (resources.memorySwap > 0 && resources.memorySwap < resources.memory) {
    throw invalid('minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (resources.memory > 0 && resources.memoryReservation > resources.memory) {
    throw invalid('minimum memory limit can not be less than memory reservation limit, see usage');
  }
  if (resources.nanoCpus > 0 && (resources.cpuQuota !== 0 || resources.cpuPeriod !== 0)) {
    throw invalid('conflicting options: Nano CPUs and CPU Period or Quota cannot both be set');
  }
  for (const list of [resources.cpusetCpus, resources.cpusetMems]) {
    if (list !== '' && !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) throw invalid(`invalid value ${list} for cpuset`);
  }
  for (const { name, soft, hard } of resources.ulimits) {
    if (hard !== -1 && (soft > hard || soft === -1)) throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${name} ${soft} > ${hard}`);
  }
}

export function toOciResources(resources: Resources, privileged: boolean): Record<string, unknown> {
  refuseDeviceRequests(resources);
  const io = blockIo(resources);
  const devices = privileged
    ? [{ allow: true, access: 'rwm' }]
    : [
        ...defaultDeviceRules,
        ...resources.devices.map((device): DeviceRule => {
          const { type, major, minor } = readDevice(device.pathOnHost, device.pathInContainer);
          return { allow: true, type, major, minor, access: device.permissions };
        }),
        ...resources.deviceCgroupRules.map(parseRule),
      ];
  return {
    devices,
    memory: memory(resources),
    cpu: cpu(resources),
    ...(resources.pidsLimit === 0 ? {} : { pids: { limit: resources.pidsLimit } }),
    ...(io === null ? {} : { blockIO: io }),
  };
}

/** `nofile` → RLIMIT_NOFILE; -1 is unlimited. */
export function toRlimits(resources: Resources): { type: string; soft: number; hard: number }[] {
  const unlimited = Number.MAX_SAFE_INTEGER;
  return resources.ulimits.map(({ name, soft, hard }) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: soft === -1 ? unlimited : soft,
    hard: hard === -1 ? unlimited : hard,
  }));
}
