import type { ContainerSpec, Mount } from '@gantry/runtime/containers';
import { formatBind } from './binds.ts';
import { toMountBody } from './mounts.ts';

type HostConfig = ContainerSpec['hostConfig'];

const defaultMaskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const defaultReadonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Docker prints unset lists of HostConfig as null. */
function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length > 0 ? list : null;
}

/** A mount as `--tmpfs` makes it; `--mount type=tmpfs` says size or mode. */
export function isTmpfsOption(mount: Mount): mount is Extract<Mount, { type: 'tmpfs' }> {
  return mount.type === 'tmpfs' && mount.sizeBytes === 0 && mount.mode === 0o1777;
}

function mountFields(host: HostConfig): Record<string, unknown> {
  const binds: string[] = [];
  const mounts: Record<string, unknown>[] = [];
  const tmpfs: Record<string, string> = {};
  for (const mount of host.mounts) {
    const bind = formatBind(mount);
    if (bind !== null) binds.push(bind);
    else if (isTmpfsOption(mount)) tmpfs[mount.target] = mount.options.join(',');
    else mounts.push(toMountBody(mount));
  }
  return { Binds: orNull(binds), ...(mounts.length > 0 ? { Mounts: mounts } : {}), ...(Object.keys(tmpfs).length > 0 ? { Tmpfs: tmpfs } : {}) };
}

function fromThrottle(devices: HostConfig['resources']['blkioReadBps']): { Path: string; Rate: number }[] {
  return devices.map(({ path, rate }) => ({ Path: path, Rate: rate }));
}

function resourceFields({ resources }: HostConfig): Record<string, unknown> {
  return {
    CpuShares: resources.cpuShares,
    Memory: resources.memory,
    NanoCpus: resources.nanoCpus,
    BlkioWeight: resources.blkioWeight,
    BlkioWeightDevice: resources.blkioWeightDevices.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: fromThrottle(resources.blkioReadBps),
    BlkioDeviceWriteBps: fromThrottle(resources.blkioWriteBps),
    BlkioDeviceReadIOps: fromThrottle(resources.blkioReadIops),
    BlkioDeviceWriteIOps: fromThrottle(resources.blkioWriteIops),
    CpuPeriod: resources.cpuPeriod,
    CpuQuota: resources.cpuQuota,
    CpuRealtimePeriod: resources.cpuRealtimePeriod,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntime,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    Devices: resources.devices.map((device) => ({
      PathOnHost: device.pathOnHost,
      PathInContainer: device.pathInContainer,
      CgroupPermissions: device.permissions,
    })),
    DeviceCgroupRules: orNull(resources.deviceCgroupRules),
    DeviceRequests: orNull(
      resources.deviceRequests.map((request) => ({
        Driver: request.driver,
        Count: request.count,
        DeviceIDs: orNull(request.deviceIds),
        Capabilities: request.capabilities,
        Options: request.options,
      })),
    ),
    MemoryReservation: resources.memoryReservation,
    MemorySwap: resources.memorySwap === 0 && resources.memory > 0 ? resources.memory * 2 : resources.memorySwap,
    MemorySwappiness: resources.memorySwappiness,
    OomKillDisable: resources.oomKillDisable,
    PidsLimit: resources.pidsLimit > 0 ? resources.pidsLimit : null,
    Ulimits: resources.ulimits.map((limit) => ({ Name: limit.name, Hard: limit.hard, Soft: limit.soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

/** HostConfig of an inspect answer, with the defaults Docker fills in at create. */
export function fromHostConfig(host: HostConfig): Record<string, unknown> {
  const isPrivileged = host.privileged;
  return {
    ...mountFields(host),
    ContainerIDFile: '',
    LogConfig: { Type: host.logConfig.type || 'json-file', Config: host.logConfig.config },
    NetworkMode: host.networkMode,
    PortBindings: Object.fromEntries(
      Object.entries(host.portBindings).map(([port, bindings]) => [port, bindings.map((binding) => ({ HostIp: binding.hostIp, HostPort: binding.hostPort }))]),
    ),
    RestartPolicy: { Name: host.restartPolicy.name, MaximumRetryCount: host.restartPolicy.maximumRetryCount },
    AutoRemove: host.autoRemove,
    VolumeDriver: '',
    VolumesFrom: orNull(host.volumesFrom),
    ConsoleSize: host.consoleSize,
    ...(Object.keys(host.annotations).length > 0 ? { Annotations: host.annotations } : {}),
    CapAdd: orNull(host.capAdd),
    CapDrop: orNull(host.capDrop),
    CgroupnsMode: host.cgroupnsMode || 'private',
    Dns: host.dns,
    DnsOptions: host.dnsOptions,
    DnsSearch: host.dnsSearch,
    ExtraHosts: orNull(host.extraHosts),
    GroupAdd: orNull(host.groupAdd),
    IpcMode: host.ipcMode || 'private',
    Cgroup: '',
    Links: orNull(host.links),
    OomScoreAdj: host.oomScoreAdj,
    PidMode: host.pidMode,
    Privileged: isPrivileged,
    PublishAllPorts: host.publishAllPorts,
    ReadonlyRootfs: host.readonlyRootfs,
    SecurityOpt: orNull(host.securityOpt),
    ...(Object.keys(host.storageOptions).length > 0 ? { StorageOpt: host.storageOptions } : {}),
    UTSMode: host.utsMode,
    UsernsMode: host.usernsMode,
    ShmSize: host.shmSizeBytes || 64 << 20,
    ...(Object.keys(host.sysctls).length > 0 ? { Sysctls: host.sysctls } : {}),
    Runtime: host.runtime || 'gantry-executor',
    Isolation: '',
    CgroupParent: host.cgroupParent,
    ...resourceFields(host),
    ...(host.init === null ? {} : { Init: host.init }),
    MaskedPaths: host.maskedPaths ?? (isPrivileged ? null : defaultMaskedPaths),
    ReadonlyPaths: host.readonlyPaths ?? (isPrivileged ? null : defaultReadonlyPaths),
  };
}
