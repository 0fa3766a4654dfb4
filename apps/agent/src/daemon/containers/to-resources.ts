import { EngineError } from '@gantry/engine-api/protocol';
import type { ResourcesBody } from '@gantry/engine-api/types';
import type { Resources } from '@gantry/runtime/containers';

const smallestMemory = 6 << 20;

type Rule = readonly [isBroken: boolean, message: string];

function memoryRules(body: ResourcesBody): Rule[] {
  return [
    [body.Memory !== 0 && body.Memory < smallestMemory, 'Minimum memory limit allowed is 6MB'],
    [body.Memory > 0 && body.MemorySwap > 0 && body.MemorySwap < body.Memory, 'Minimum memoryswap limit should be larger than memory limit, see usage'],
    [body.Memory === 0 && body.MemorySwap > 0, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
    [body.MemoryReservation !== 0 && body.MemoryReservation < smallestMemory, 'Minimum memory reservation allowed is 6MB'],
    [
      body.MemoryReservation > 0 && body.Memory > 0 && body.Memory < body.MemoryReservation,
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    ],
  ];
}

function cpuRules(body: ResourcesBody, cpus: number): Rule[] {
  return [
    [body.NanoCpus > 0 && (body.CpuPeriod > 0 || body.CpuQuota > 0), 'Conflicting options: Nano CPUs and CPU Period/Quota cannot both be set'],
    [body.NanoCpus < 0 || body.NanoCpus > cpus * 1e9, `range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`],
    [body.CpuShares < 0, `invalid CPU shares (${body.CpuShares}): value must be a positive integer`],
    [
      body.CpuPeriod > 0 && (body.CpuPeriod < 1000 || body.CpuPeriod > 1_000_000),
      'CPU cfs period cannot be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    ],
    [body.CpuQuota > 0 && body.CpuQuota < 1000, 'CPU cfs quota cannot be less than 1ms (i.e. 1000)'],
    [body.BlkioWeight !== 0 && (body.BlkioWeight < 10 || body.BlkioWeight > 1000), 'Range of blkio weight is from 10 to 1000'],
  ];
}

function deviceRules(body: ResourcesBody): Rule[] {
  const throttles = [...body.BlkioDeviceReadBps, ...body.BlkioDeviceWriteBps, ...body.BlkioDeviceReadIOps, ...body.BlkioDeviceWriteIOps];
  return [
    ...throttles.map(({ Path, Rate }): Rule => [Rate < 0, `invalid rate ${Rate} for device ${Path}: must not be negative`]),
    ...body.BlkioWeightDevice.map(
      ({ Path, Weight }): Rule => [Weight < 10 || Weight > 1000, `invalid weight ${Weight} for device ${Path}: the range is 10 to 1000`],
    ),
  ];
}

/** Checks in Docker's words what the kernel would only refuse later, and worse. */
function check(body: ResourcesBody, cpus: number): void {
  for (const [isBroken, message] of [...memoryRules(body), ...cpuRules(body, cpus), ...deviceRules(body)]) {
    if (isBroken) throw new EngineError(400, message);
  }
}

function toThrottle(devices: ResourcesBody['BlkioDeviceReadBps']): Resources['blkioReadBps'] {
  return devices.map(({ Path, Rate }) => ({ path: Path, rate: Rate }));
}

export function toResources(body: ResourcesBody, cpus: number): Resources {
  check(body, cpus);
  return {
    memory: body.Memory,
    memoryReservation: body.MemoryReservation,
    memorySwap: body.MemorySwap,
    memorySwappiness: body.MemorySwappiness,
    oomKillDisable: body.OomKillDisable,
    nanoCpus: body.NanoCpus,
    cpuShares: body.CpuShares,
    cpuPeriod: body.CpuPeriod,
    cpuQuota: body.CpuQuota,
    cpuRealtimePeriod: body.CpuRealtimePeriod,
    cpuRealtimeRuntime: body.CpuRealtimeRuntime,
    cpusetCpus: body.CpusetCpus,
    cpusetMems: body.CpusetMems,
    pidsLimit: body.PidsLimit,
    blkioWeight: body.BlkioWeight,
    blkioWeightDevices: body.BlkioWeightDevice.map(({ Path, Weight }) => ({ path: Path, weight: Weight })),
    blkioReadBps: toThrottle(body.BlkioDeviceReadBps),
    blkioWriteBps: toThrottle(body.BlkioDeviceWriteBps),
    blkioReadIops: toThrottle(body.BlkioDeviceReadIOps),
    blkioWriteIops: toThrottle(body.BlkioDeviceWriteIOps),
    ulimits: body.Ulimits.map((limit) => ({ name: limit.Name, soft: limit.Soft, hard: limit.Hard })),
    devices: body.Devices.map((device) => ({
      pathOnHost: device.PathOnHost,
      pathInContainer: device.PathInContainer || device.PathOnHost,
      permissions: device.CgroupPermissions || 'rwm',
    })),
    deviceCgroupRules: body.DeviceCgroupRules,
    deviceRequests: body.DeviceRequests.map((request) => ({
      driver: request.Driver,
      count: request.Count,
      deviceIds: request.DeviceIDs,
      capabilities: request.Capabilities,
      options: request.Options,
    })),
  };
}

/** `docker update` says only what changes: zero and empty mean "leave it". */
export function toResourceChanges(body: ResourcesBody, cpus: number): Partial<Resources> {
  const resources = toResources(body, cpus);
  const unset: Partial<Resources> = toResources({ ...body, ...emptyResources }, cpus);
  const changes = Object.entries(resources).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(Object.entries(unset).find(([key]) => key === name)?.[1]),
  );
  return Object.fromEntries(changes);
}

const emptyResources = {
  Memory: 0,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  NanoCpus: 0,
  CpuShares: 0,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  PidsLimit: 0,
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  Ulimits: [],
  Devices: [],
  DeviceCgroupRules: [],
  DeviceRequests: [],
};
