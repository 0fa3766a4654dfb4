import { z } from 'zod';

/**
 * Requests to `gantry-executor serve --root DIR --socket PATH`, one JSON frame each: `{ id, op, ...arguments }`.
 * The answer is `{ id, ok: true, result }` or `{ id, ok: false, error }`; answers may come out of order.
 * Streaming operations (archive.*, layer.unpack) take a connection of their own: after the request, bytes flow as stdin frames
 * (towards the executor) or stdout frames (from it); an empty frame is the end. Closing the connection calls the operation off.
 */
export const executorProtocol = 1;

const containerId = z.string().regex(/^[a-zA-Z0-9_+-][a-zA-Z0-9_+.-]{0,127}$/);
const absolutePath = z.string().startsWith('/');

/** A root filesystem mounted by the executor inside the container's mount namespace only: it vanishes with the container. */
export const OverlayRootfs = z.object({
  /** Topmost layer first. */
  lowerDirs: z.array(absolutePath).min(1),
  upperDir: absolutePath,
  workDir: absolutePath,
});
export type OverlayRootfs = z.infer<typeof OverlayRootfs>;

/** One veth pair: the host end sits on `bridge`, the other end becomes `name` in the container's network namespace. */
export const NetworkAttachment = z.object({
  bridge: z.string().min(1).max(15),
  /** Name of the veth's host end, unique on the host. */
  hostInterface: z.string().min(1).max(15),
  name: z.string().min(1).max(15),
  mac: z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/),
  /** CIDR notation, IPv4 or IPv6. */
  addresses: z.array(z.string()).min(1),
  /** Default routes by way of these addresses; empty on internal networks. */
  gateways: z.array(z.string()),
  mtu: z.number().int().min(68).max(65535).default(1500),
});
export type NetworkAttachment = z.infer<typeof NetworkAttachment>;

/** Docker's json-file log, written by the shim: `{"log","stream","time"}` per line; rotated to `path.1` … `path.N-1`. */
export const ContainerLog = z.object({
  path: absolutePath,
  /** 0 means never rotate. */
  maxSizeBytes: z.number().int().nonnegative(),
  maxFiles: z.number().int().min(1),
});
export type ContainerLog = z.infer<typeof ContainerLog>;

/** An OCI runtime-spec `config.json` value; the executor's own parser is the judge of it. */
const ociValue = z.record(z.string(), z.unknown());

export const ExitStatus = z.object({
  /** 0 to 255; 128 + signal when a signal ended it. */
  code: z.number().int(),
  signal: z.number().int().nullable(),
  /** RFC 3339 with nanoseconds, UTC. */
  exitedAt: z.string(),
  oomKilled: z.boolean(),
});
export type ExitStatus = z.infer<typeof ExitStatus>;

export const ContainerState = z.object({
  containerId: z.string(),
  status: z.enum(['creating', 'created', 'running', 'paused', 'stopped']),
  /** Host pid of the container's first process; 0 when stopped. */
  pid: z.number().int(),
  shimPid: z.number().int(),
  bundle: z.string(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  exit: ExitStatus.nullable(),
});
export type ContainerState = z.infer<typeof ContainerState>;

export const ContainerStats = z.object({
  readAt: z.string(),
  cpu: z.object({ usageNs: z.number(), userNs: z.number(), systemNs: z.number(), throttledPeriods: z.number(), periods: z.number(), throttledNs: z.number() }),
  memory: z.object({
    usageBytes: z.number(),
    maxUsageBytes: z.number(),
    limitBytes: z.number(),
    cacheBytes: z.number(),
    inactiveFileBytes: z.number(),
    oomKills: z.number(),
  }),
  pids: z.object({ current: z.number(), limit: z.number() }),
  blockIo: z.object({ readBytes: z.number(), writeBytes: z.number() }),
  networks: z.record(
    z.string(),
    z.object({
      rxBytes: z.number(),
      rxPackets: z.number(),
      rxErrors: z.number(),
      rxDropped: z.number(),
      txBytes: z.number(),
      txPackets: z.number(),
      txErrors: z.number(),
      txDropped: z.number(),
    }),
  ),
});
export type ContainerStats = z.infer<typeof ContainerStats>;

/** Where archive operations look: a running container's root by its pid, or a stopped one's layers. */
export const RootfsRef = z.union([z.object({ pid: z.number().int().positive() }), z.object({ overlay: OverlayRootfs })]);
export type RootfsRef = z.infer<typeof RootfsRef>;

export const PathStat = z.object({
  name: z.string(),
  size: z.number(),
  /** st_mode as the kernel gives it. */
  mode: z.number().int(),
  mtime: z.string(),
  linkTarget: z.string(),
});
export type PathStat = z.infer<typeof PathStat>;

const empty = z.object({});

/** op → arguments and result. */
export const executorOperations = {
  hello: {
    request: z.object({ protocol: z.literal(executorProtocol) }),
    result: z.object({
      protocol: z.literal(executorProtocol),
      version: z.string(),
      cgroup: z.enum(['v1', 'v2', 'hybrid', 'none']),
      /** Cgroup controllers that can be used, wherever they are mounted. */
      controllers: z.array(z.string()),
      overlay: z.boolean(),
      seccomp: z.boolean(),
    }),
  },
  'container.create': {
    request: z.object({
      containerId,
      /** Directory that holds config.json (mode 0700). */
      bundle: absolutePath,
      rootfs: OverlayRootfs.nullable(),
      networks: z.array(NetworkAttachment),
      /** Keep a pipe (or the pty) open for attached input. */
      stdin: z.boolean(),
      /** Close the container's stdin when the first attached client ends its input (Docker's StdinOnce). */
      stdinOnce: z.boolean(),
      log: ContainerLog.nullable(),
    }),
    result: ContainerState,
  },
  'container.start': { request: z.object({ containerId }), result: ContainerState },
  'container.state': { request: z.object({ containerId }), result: ContainerState },
  'container.list': { request: empty, result: z.object({ containers: z.array(ContainerState) }) },
  /** `all` reaches every process of the container's cgroup. */
  'container.kill': { request: z.object({ containerId, signal: z.number().int().min(0).max(64), all: z.boolean() }), result: empty },
  /** Removes the state and cgroups of a stopped container; `force` kills first and does not mind an unknown id. */
  'container.delete': { request: z.object({ containerId, force: z.boolean() }), result: empty },
  'container.pause': { request: z.object({ containerId }), result: empty },
  'container.resume': { request: z.object({ containerId }), result: empty },
  'container.update': { request: z.object({ containerId, resources: ociValue }), result: empty },
  'container.stats': { request: z.object({ containerId }), result: ContainerStats },
  /** How processes besides the first one ended, as its shim left it: of a container that has ended itself. */
  'container.execs': {
    request: z.object({ containerId }),
    result: z.object({ exits: z.array(z.object({ processId: z.string(), exit: ExitStatus })) }),
  },
  'container.processes': { request: z.object({ containerId }), result: z.object({ pids: z.array(z.number().int()) }) },
  'network.bridge.ensure': {
    request: z.object({ name: z.string().min(1).max(15), addresses: z.array(z.string()), mtu: z.number().int() }),
    result: empty,
  },
  'network.bridge.delete': { request: z.object({ name: z.string().min(1).max(15) }), result: empty },
  'network.connect': { request: z.object({ containerId, attachment: NetworkAttachment }), result: empty },
  'network.disconnect': { request: z.object({ containerId, hostInterface: z.string(), name: z.string() }), result: empty },
  /**
   * Applies a layer's tar to `target` (an empty directory, made if missing), verifying digests, as far as it can be done without the
   * layers below; `layer.finish` on the same connection does the rest. Nothing is left behind when either fails, or never comes.
   */
  'layer.unpack': {
    request: z.object({
      /** A file, or null: compressed bytes follow as stdin frames. */
      source: absolutePath.nullable(),
      compression: z.enum(['none', 'gzip', 'zstd', 'bzip2', 'xz', 'auto']),
      target: absolutePath,
      /** A file that the bytes of the stream are appended to. What it holds already is their beginning, unless no digest is given. */
      keep: absolutePath.nullable(),
      /** Expected digest of the compressed bytes, checked when given. */
      digest: z.string().nullable(),
      /** Expected digest of the tar, checked when given. */
      diffId: z.string().nullable(),
      maxBytes: z.number().int().positive(),
      maxEntries: z.number().int().positive(),
    }),
    /**
     * Length of what `keep` holds and, when no digest was given, what it is compressed with: bzip2 and xz, which no manifest has a name for, are kept, and
     * counted in `digest`, as the tar they hold.
     */
    result: z.object({ digest: z.string(), diffId: z.string(), keptBytes: z.number(), keptCompression: z.enum(['', 'none', 'gzip', 'zstd']) }),
  },
  'layer.finish': {
    request: z.object({
      /** The layers below, topmost first. */
      lowerDirs: z.array(absolutePath),
    }),
    result: z.object({ sizeBytes: z.number(), entries: z.number() }),
  },
  /** Removes whatever is there, however much; nothing there is no error. */
  'tree.remove': { request: z.object({ path: absolutePath }), result: empty },
  /** Whatever was written so far to the file system that `path` is on survives a power cut when this is answered. */
  'tree.sync': { request: z.object({ path: absolutePath }), result: empty },
  /** Writes the changes held in an overlay upper directory as a layer tar (gzip when asked) into `output`. */
  'layer.diff': {
    request: z.object({ upperDir: absolutePath, lowerDirs: z.array(absolutePath), output: absolutePath, compression: z.enum(['none', 'gzip']) }),
    result: z.object({ digest: z.string(), diffId: z.string(), sizeBytes: z.number(), uncompressedBytes: z.number() }),
  },
  /** Docker's changes list; kind 0 modified, 1 added, 2 deleted. */
  'layer.changes': {
    request: z.object({ upperDir: absolutePath, lowerDirs: z.array(absolutePath) }),
    result: z.object({ changes: z.array(z.object({ path: z.string(), kind: z.union([z.literal(0), z.literal(1), z.literal(2)]) })) }),
  },
  'path.stat': { request: z.object({ rootfs: RootfsRef, path: z.string() }), result: PathStat },
  /** Streams a tar of `path`, as `docker cp` out and `docker export` (path "/") want it. The result precedes the bytes. */
  'archive.read': { request: z.object({ rootfs: RootfsRef, path: z.string() }), result: PathStat },
  /** Bytes in gzip, zstd, bzip2, xz or nothing come in, the bytes themselves go out. Answered only when it fails. */
  'archive.decompress': { request: empty, result: empty },
  /** Extracts a tar (compression detected) below the directory `path`. The result follows the bytes. */
  'archive.write': {
    request: z.object({ rootfs: RootfsRef, path: z.string(), noOverwriteDirNonDir: z.boolean(), keepOwner: z.boolean() }),
    result: z.object({ entries: z.number() }),
  },
} as const;

export type ExecutorOperation = keyof typeof executorOperations;
export type ExecutorRequest<Op extends ExecutorOperation> = z.input<(typeof executorOperations)[Op]['request']>;
export type ExecutorResult<Op extends ExecutorOperation> = z.output<(typeof executorOperations)[Op]['result']>;

/** code is stable and made for programs; message is made for people; field names the config.json field at fault. */
export const ExecutorError = z.object({
  kind: z.enum(['user', 'operational', 'bug']),
  code: z.enum([
    'invalid',
    'not-found',
    'exists',
    'wrong-state',
    'command-not-found',
    'permission-denied',
    'digest-mismatch',
    'too-large',
    'no-space',
    'unsupported',
    'failed',
  ]),
  message: z.string(),
  field: z.string().optional(),
});
export type ExecutorError = z.infer<typeof ExecutorError>;

export const ExecutorAnswer = z.discriminatedUnion('ok', [
  z.object({ id: z.number().int(), ok: z.literal(true), result: z.unknown() }),
  z.object({ id: z.number().int(), ok: z.literal(false), error: ExecutorError }),
]);
export type ExecutorAnswer = z.infer<typeof ExecutorAnswer>;
