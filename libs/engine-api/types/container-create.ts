import { z } from 'zod';
import { goBoolean, goInteger, goList, goMap, goSet, goString, goStringMap, goStrings } from './go-json.ts';

/** `Cmd` and `Entrypoint` may be one string or a list; null is "not said". */
const words = z
  .union([z.string().transform((word) => [word]), z.array(z.string())])
  .nullish()
  .transform((value) => value ?? null);

/** Durations in nanoseconds. */
export const HealthcheckBody = z.object({
  Test: goStrings,
  Interval: goInteger,
  Timeout: goInteger,
  StartPeriod: goInteger,
  StartInterval: goInteger,
  Retries: goInteger,
});
export type HealthcheckBody = z.infer<typeof HealthcheckBody>;

/** What an image's config and a container's have in common; commit takes it alone. */
export const ContainerConfigBody = z.object({
  Hostname: goString,
  Domainname: goString,
  User: goString,
  AttachStdin: goBoolean,
  AttachStdout: goBoolean,
  AttachStderr: goBoolean,
  ExposedPorts: goSet,
  Tty: goBoolean,
  OpenStdin: goBoolean,
  StdinOnce: goBoolean,
  Env: goStrings,
  Cmd: words,
  Healthcheck: HealthcheckBody.nullish().transform((value) => value ?? null),
  Image: goString,
  Volumes: goSet,
  WorkingDir: goString,
  Entrypoint: words,
  NetworkDisabled: goBoolean,
  MacAddress: goString,
  OnBuild: goStrings,
  Labels: goStringMap,
  StopSignal: goString,
  StopTimeout: z
    .number()
    .int()
    .nullish()
    .transform((value) => value ?? null),
  Shell: goStrings,
});
export type ContainerConfigBody = z.infer<typeof ContainerConfigBody>;

const throttleDevice = z.object({ Path: goString, Rate: goInteger });

export const ResourcesBody = z.object({
  CpuShares: goInteger,
  Memory: goInteger,
  NanoCpus: goInteger,
  CgroupParent: goString,
  BlkioWeight: goInteger,
  BlkioWeightDevice: goList(z.object({ Path: goString, Weight: goInteger })),
  BlkioDeviceReadBps: goList(throttleDevice),
  BlkioDeviceWriteBps: goList(throttleDevice),
  BlkioDeviceReadIOps: goList(throttleDevice),
  BlkioDeviceWriteIOps: goList(throttleDevice),
  CpuPeriod: goInteger,
  CpuQuota: goInteger,
  CpuRealtimePeriod: goInteger,
  CpuRealtimeRuntime: goInteger,
  CpusetCpus: goString,
  CpusetMems: goString,
  Devices: goList(z.object({ PathOnHost: goString, PathInContainer: goString, CgroupPermissions: goString })),
  DeviceCgroupRules: goStrings,
  DeviceRequests: goList(z.object({ Driver: goString, Count: goInteger, DeviceIDs: goStrings, Capabilities: goList(goStrings), Options: goStringMap })),
  MemoryReservation: goInteger,
  MemorySwap: goInteger,
  /** -1 and null both mean the kernel's default. */
  MemorySwappiness: z
    .number()
    .int()
    .nullish()
    .transform((value) => (value === undefined || value === -1 ? null : value)),
  OomKillDisable: goBoolean,
  PidsLimit: goInteger,
  Ulimits: goList(z.object({ Name: goString, Soft: goInteger, Hard: goInteger })),
});
export type ResourcesBody = z.infer<typeof ResourcesBody>;

export const MountBody = z.object({
  Type: z.string(),
  Source: goString,
  Target: goString,
  ReadOnly: goBoolean,
  Consistency: goString,
  BindOptions: z
    .object({ Propagation: goString, NonRecursive: goBoolean, CreateMountpoint: goBoolean, ReadOnlyNonRecursive: goBoolean, ReadOnlyForceRecursive: goBoolean })
    .nullish(),
  VolumeOptions: z
    .object({
      NoCopy: goBoolean,
      Labels: goStringMap,
      Subpath: goString,
      DriverConfig: z.object({ Name: goString, Options: goStringMap }).nullish(),
    })
    .nullish(),
  TmpfsOptions: z.object({ SizeBytes: goInteger, Mode: goInteger, Options: goList(goStrings) }).nullish(),
  ImageOptions: z.object({ Subpath: goString }).nullish(),
});
export type MountBody = z.infer<typeof MountBody>;

export const RestartPolicyBody = z.object({ Name: goString, MaximumRetryCount: goInteger });

const port = z.union([z.string(), z.number().transform(String)]).nullish();

export const HostConfigBody = z.object({
  ...ResourcesBody.shape,
  Binds: goStrings,
  LogConfig: z
    .object({ Type: goString, Config: goStringMap })
    .nullish()
    .transform((value) => value ?? { Type: '', Config: {} }),
  NetworkMode: goString,
  PortBindings: goMap(goList(z.object({ HostIp: goString, HostPort: port.transform((value) => value ?? '') }))),
  RestartPolicy: RestartPolicyBody.nullish().transform((value) => value ?? { Name: '', MaximumRetryCount: 0 }),
  AutoRemove: goBoolean,
  VolumeDriver: goString,
  VolumesFrom: goStrings,
  ConsoleSize: z
    .tuple([z.number().int().nonnegative(), z.number().int().nonnegative()])
    .nullish()
    .transform((value): [number, number] => value ?? [0, 0]),
  Annotations: goStringMap,
  CapAdd: goStrings,
  CapDrop: goStrings,
  CgroupnsMode: goString,
  Dns: goStrings,
  DnsOptions: goStrings,
  DnsSearch: goStrings,
  ExtraHosts: goStrings,
  GroupAdd: goList(z.union([z.string(), z.number().transform(String)])),
  IpcMode: goString,
  Links: goStrings,
  OomScoreAdj: goInteger,
  PidMode: goString,
  Privileged: goBoolean,
  PublishAllPorts: goBoolean,
  ReadonlyRootfs: goBoolean,
  SecurityOpt: goStrings,
  StorageOpt: goStringMap,
  Tmpfs: goStringMap,
  UTSMode: goString,
  UsernsMode: goString,
  ShmSize: goInteger,
  Sysctls: goStringMap,
  Runtime: goString,
  Isolation: goString,
  Mounts: goList(MountBody),
  MaskedPaths: z
    .array(z.string())
    .nullish()
    .transform((value) => value ?? null),
  ReadonlyPaths: z
    .array(z.string())
    .nullish()
    .transform((value) => value ?? null),
  Init: z
    .boolean()
    .nullish()
    .transform((value) => value ?? null),
});
export type HostConfigBody = z.infer<typeof HostConfigBody>;

export const EndpointBody = z.object({
  IPAMConfig: z.object({ IPv4Address: goString, IPv6Address: goString, LinkLocalIPs: goStrings }).nullish(),
  Links: goStrings,
  Aliases: goStrings,
  MacAddress: goString,
  DriverOpts: goStringMap,
  GwPriority: goInteger,
});
export type EndpointBody = z.infer<typeof EndpointBody>;

export const ContainerCreateBody = z.object({
  ...ContainerConfigBody.shape,
  HostConfig: z.preprocess((value) => value ?? {}, HostConfigBody),
  NetworkingConfig: z
    .object({ EndpointsConfig: goMap(EndpointBody.nullable()) })
    .nullish()
    .transform((value) => value?.EndpointsConfig ?? {}),
});
export type ContainerCreateBody = z.infer<typeof ContainerCreateBody>;

export const ContainerUpdateBody = z.object({ ...ResourcesBody.shape, RestartPolicy: RestartPolicyBody.nullish() });
export type ContainerUpdateBody = z.infer<typeof ContainerUpdateBody>;

const consoleSize = z
  .tuple([z.number().int().nonnegative(), z.number().int().nonnegative()])
  .nullish()
  .transform((value) => value ?? null);

export const ExecCreateBody = z.object({
  User: goString,
  Privileged: goBoolean,
  Tty: goBoolean,
  ConsoleSize: consoleSize,
  AttachStdin: goBoolean,
  AttachStderr: goBoolean,
  AttachStdout: goBoolean,
  DetachKeys: goString,
  Env: goStrings,
  WorkingDir: goString,
  Cmd: goStrings,
});
export const ExecStartBody = z.object({ Detach: goBoolean, Tty: goBoolean, ConsoleSize: consoleSize });
