import { z } from 'zod';

const text = z.string();
const stringMap = z.record(text, text);
const count = z.number().int().nonnegative();

/** Durations in milliseconds; 0 takes Docker's default. `test` as in Docker: ["CMD", …], ["CMD-SHELL", line], ["NONE"]; [] takes the image's. */
export const Healthcheck = z.object({
  test: z.array(text).default([]),
  intervalMs: count.default(0),
  timeoutMs: count.default(0),
  startPeriodMs: count.default(0),
  startIntervalMs: count.default(0),
  retries: count.default(0),
});
export type Healthcheck = z.infer<typeof Healthcheck>;

export const Mount = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('bind'),
    source: text.startsWith('/'),
    target: text.startsWith('/'),
    readOnly: z.boolean().default(false),
    propagation: z.enum(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']).default('rprivate'),
    /** False: a missing source is an error (`--mount`); true: it is made as a directory (`-v`). */
    createSource: z.boolean().default(false),
    recursive: z.boolean().default(true),
  }),
  z.object({
    type: z.literal('volume'),
    /** '' makes an anonymous volume. */
    source: text.default(''),
    target: text.startsWith('/'),
    readOnly: z.boolean().default(false),
    /** Copy what the image holds at target into a new, empty volume. */
    copyUp: z.boolean().default(true),
    subpath: text.default(''),
    driver: text.default(''),
    driverOptions: stringMap.default({}),
    labels: stringMap.default({}),
  }),
  z.object({
    type: z.literal('tmpfs'),
    target: text.startsWith('/'),
    readOnly: z.boolean().default(false),
    /** 0: half the memory, the kernel's default. */
    sizeBytes: count.default(0),
    mode: count.default(0o1777),
    /** Further mount options, as `docker run --tmpfs /x:OPTIONS` takes them. */
    options: z.array(text).default([]),
  }),
  z.object({
    type: z.literal('image'),
    /** A reference or id; what it names when the container is made is what is mounted. */
    source: text.min(1),
    target: text.startsWith('/'),
    readOnly: z.literal(true).default(true),
    subpath: text.default(''),
  }),
]);
export type Mount = z.infer<typeof Mount>;

/** hostPort '' or '0' chooses one; 'A-B' one of a range; hostIp '' means every address of the host. */
export const PortBinding = z.object({ hostIp: text.default(''), hostPort: text.default('') });
export type PortBinding = z.infer<typeof PortBinding>;

export const EndpointSpec = z.object({
  aliases: z.array(text).default([]),
  ipv4: text.nullable().default(null),
  ipv6: text.nullable().default(null),
  mac: text.nullable().default(null),
  links: z.array(text).default([]),
  driverOptions: stringMap.default({}),
});
export type EndpointSpec = z.infer<typeof EndpointSpec>;

export const RestartPolicy = z.object({
  name: z.enum(['no', 'always', 'unless-stopped', 'on-failure']).default('no'),
  /** on-failure only; 0 means for ever. */
  maximumRetryCount: count.default(0),
});
export type RestartPolicy = z.infer<typeof RestartPolicy>;

/** A device of the host by its path, and how many bytes or operations a second. */
const Throttle = z.array(z.object({ path: text, rate: count })).default([]);

/** Zero and '' mean unset, as in Docker. Sizes in bytes. */
export const Resources = z.object({
  memory: count.default(0),
  memoryReservation: count.default(0),
  /** Memory and swap together; -1 is unlimited. */
  memorySwap: z.number().int().min(-1).default(0),
  memorySwappiness: count.max(100).nullable().default(null),
  oomKillDisable: z.boolean().default(false),
  nanoCpus: count.default(0),
  cpuShares: count.default(0),
  cpuPeriod: count.default(0),
  cpuQuota: z.number().int().default(0),
  cpuRealtimePeriod: count.default(0),
  cpuRealtimeRuntime: z.number().int().default(0),
  cpusetCpus: text.default(''),
  cpusetMems: text.default(''),
  pidsLimit: z.number().int().default(0),
  blkioWeight: count.default(0),
  blkioWeightDevices: z.array(z.object({ path: text, weight: count })).default([]),
  blkioReadBps: Throttle,
  blkioWriteBps: Throttle,
  blkioReadIops: Throttle,
  blkioWriteIops: Throttle,
  ulimits: z.array(z.object({ name: text, soft: z.number().int(), hard: z.number().int() })).default([]),
  devices: z.array(z.object({ pathOnHost: text, pathInContainer: text, permissions: text.default('rwm') })).default([]),
  deviceCgroupRules: z.array(text).default([]),
  /** `--gpus`: what a driver would have to serve. */
  deviceRequests: z
    .array(z.object({ driver: text, count: z.number().int(), deviceIds: z.array(text), capabilities: z.array(z.array(text)), options: stringMap }))
    .default([]),
});
export type Resources = z.infer<typeof Resources>;

export const HostConfig = z.object({
  mounts: z.array(Mount).default([]),
  /** Take the mounts of these containers too: `id[:ro|rw]`. */
  volumesFrom: z.array(text).default([]),
  /** Key `80/tcp`. */
  portBindings: z.record(text, z.array(PortBinding)).default({}),
  publishAllPorts: z.boolean().default(false),
  /** `bridge` (also `default`), `none`, `host`, `container:ID`, or a user-defined network's name or id. */
  networkMode: text.default('bridge'),
  dns: z.array(text).default([]),
  dnsOptions: z.array(text).default([]),
  dnsSearch: z.array(text).default([]),
  /** `name:ip`; ip may be `host-gateway`. */
  extraHosts: z.array(text).default([]),
  links: z.array(text).default([]),
  restartPolicy: RestartPolicy.prefault({}),
  autoRemove: z.boolean().default(false),
  privileged: z.boolean().default(false),
  capAdd: z.array(text).default([]),
  capDrop: z.array(text).default([]),
  /** `seccomp=unconfined`, `seccomp={json}`, `no-new-privileges`, `apparmor=…`, `systempaths=unconfined`, `label=…`. */
  securityOpt: z.array(text).default([]),
  groupAdd: z.array(text).default([]),
  readonlyRootfs: z.boolean().default(false),
  resources: Resources.prefault({}),
  init: z.boolean().nullable().default(null),
  shmSizeBytes: count.default(0),
  sysctls: stringMap.default({}),
  /** type '' is json-file; `local` and `none` are known too. config: max-size, max-file. */
  logConfig: z.object({ type: text.default(''), config: stringMap.default({}) }).prefault({}),
  /** '' and `private`, `shareable`, `host`, `none`, `container:ID`. */
  ipcMode: text.default(''),
  /** '' is private; `host`, `container:ID`. */
  pidMode: text.default(''),
  /** '' is private; `host`. */
  utsMode: text.default(''),
  /** '' takes the default (private); `host`. */
  cgroupnsMode: text.default(''),
  usernsMode: text.default(''),
  cgroupParent: text.default(''),
  oomScoreAdj: z.number().int().min(-1000).max(1000).default(0),
  /** null takes Docker's defaults. */
  maskedPaths: z.array(text).nullable().default(null),
  readonlyPaths: z.array(text).nullable().default(null),
  runtime: text.default(''),
  storageOptions: stringMap.default({}),
  /** [height, width] of the terminal at start. */
  consoleSize: z.tuple([count, count]).default([0, 0]),
  annotations: stringMap.default({}),
});
export type HostConfig = z.infer<typeof HostConfig>;

/**
 * What the user asked for: Docker's create body in our words. null, '' and [] mean "not said": the image's value or the default holds.
 * `ContainerSpec.parse({ image: 'x' })` is a complete spec. It never changes after create, but for what `update` and `rename` may change.
 */
export const ContainerSpec = z.object({
  image: text,
  /** null takes the image's; [] clears it. */
  entrypoint: z.array(text).nullable().default(null),
  cmd: z.array(text).nullable().default(null),
  /** `NAME=value`; `NAME` alone removes it. */
  env: z.array(text).default([]),
  workingDir: text.default(''),
  user: text.default(''),
  hostname: text.default(''),
  domainname: text.default(''),
  labels: stringMap.default({}),
  tty: z.boolean().default(false),
  openStdin: z.boolean().default(false),
  stdinOnce: z.boolean().default(false),
  attachStdin: z.boolean().default(false),
  attachStdout: z.boolean().default(false),
  attachStderr: z.boolean().default(false),
  stopSignal: text.default(''),
  /** null takes Docker's 10 s; -1 waits for ever. */
  stopTimeoutSeconds: z.number().int().min(-1).nullable().default(null),
  healthcheck: Healthcheck.nullable().default(null),
  /** Keys `80/tcp`. */
  exposedPorts: z.array(text).default([]),
  /** Paths that get an anonymous volume. */
  volumes: z.array(text).default([]),
  networkDisabled: z.boolean().default(false),
  platform: text.default(''),
  hostConfig: HostConfig.prefault({}),
  /** Network name or id → endpoint. The one of networkMode may be left out. */
  endpoints: z.record(text, EndpointSpec).default({}),
});
export type ContainerSpec = z.infer<typeof ContainerSpec>;
/** As a caller may write it, defaults left out. */
export type ContainerSpecInput = z.input<typeof ContainerSpec>;
