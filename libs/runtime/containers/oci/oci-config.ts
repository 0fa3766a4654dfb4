import { invalid } from '@gantry/platform/errors';
import type { ContainerRecord } from '../container-record.ts';
import { resolveCapabilities } from './capabilities.ts';
import { type OciMount, type RuntimeFilePaths, toOciMounts } from './oci-mounts.ts';
import { type DeviceNode, readDevice, toOciResources, toRlimits } from './resources.ts';
import { defaultSeccompProfile, parseSeccompProfile, type SeccompProfile } from './seccomp.ts';
import type { ProcessUser } from './user.ts';

/** What is known of the host and of the container's neighbours at the moment of start. */
export interface StartSurroundings {
  readonly capabilities: readonly string[];
  /** Go's name: amd64. */
  readonly architecture: string;
  readonly hasSeccomp: boolean;
  readonly cgroupParent: string;
  readonly user: ProcessUser;
  readonly hostname: string;
  readonly files: RuntimeFilePaths | null;
  /** Namespaces of other containers to join, as /proc/PID/ns paths. */
  readonly joined: { readonly network: string | null; readonly ipc: string | null; readonly pid: string | null };
  readonly ipcShmPath: string | null;
  /** Devices of the host, for privileged containers. */
  readonly hostDevices: readonly DeviceNode[];
  /** The init binary to put at /sbin/docker-init; null: none asked for. */
  readonly initPath: string | null;
}

const defaultMaskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const defaultReadonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
const initTarget = '/sbin/docker-init';

interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** '' takes the default, 'unconfined' none, else the profile itself. */
  readonly seccomp: string;
  readonly unconfinedPaths: boolean;
  readonly apparmor: string;
}

export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let parsed: SecurityOptions = { noNewPrivileges: false, seccomp: '', unconfinedPaths: false, apparmor: '' };
  for (const option of options) {
    const match = /^([a-z-]+)(?:[=:]([\s\S]*))?$/.exec(option);
    const [, key, value] = match ?? [];
    if (key === 'no-new-privileges') parsed = { ...parsed, noNewPrivileges: value !== 'false' };
    else if (key === 'seccomp' && value !== undefined) parsed = { ...parsed, seccomp: value === 'builtin' ? '' : value };
    else if (key === 'systempaths' && value === 'unconfined') parsed = { ...parsed, unconfinedPaths: true };
    else if (key === 'apparmor' && value !== undefined) parsed = { ...parsed, apparmor: value };
    else if (key !== 'label') throw invalid(`invalid --security-opt: ${JSON.stringify(option.slice(0, 100))}`);
  }
  return parsed;
}

function seccomp(record: ContainerRecord, surroundings: StartSurroundings, capabilities: readonly string[], asked: string): SeccompProfile | null {
  if (!surroundings.hasSeccomp || asked === 'unconfined' || (record.spec.hostConfig.privileged && asked === '')) return null;
  return asked === '' ? defaultSeccompProfile(capabilities, surroundings.architecture) : parseSeccompProfile(asked, capabilities, surroundings.architecture);
}

function namespaces(record: ContainerRecord, { joined }: StartSurroundings): { type: string; path?: string }[] {
  const host = record.spec.hostConfig;
  const kinds: { type: string; path?: string }[] = [{ type: 'mount' }];
  const add = (type: string, isHost: boolean, path: string | null) => {
    if (!isHost) kinds.push(path === null ? { type } : { type, path });
  };
  add('network', host.networkMode === 'host', joined.network);
  add('uts', host.utsMode === 'host', null);
  add('ipc', host.ipcMode === 'host', joined.ipc);
  add('pid', host.pidMode === 'host', joined.pid);
  add('cgroup', host.cgroupnsMode === 'host', null);
  return kinds;
}

/** Only what is namespaced, and only where the container has the namespace to itself. */
function checkSysctls(record: ContainerRecord): Record<string, string> {
  const { sysctls, ipcMode, networkMode } = record.spec.hostConfig;
  for (const name of Object.keys(sysctls)) {
    const key = name.replaceAll('/', '.');
    const isNetwork = key.startsWith('net.');
    const isIpc = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/.test(key);
    if (!isNetwork && !isIpc && key !== 'kernel.domainname') throw invalid(`sysctl ${JSON.stringify(name)} is not in a separate kernel namespace`);
    if (isNetwork && networkMode === 'host') throw invalid(`sysctl ${JSON.stringify(name)} not allowed in host network namespace`);
    if (isIpc && ipcMode === 'host') throw invalid(`sysctl ${JSON.stringify(name)} not allowed in host ipc namespace`);
  }
  return { ...sysctls };
}

function processOf(record: ContainerRecord, surroundings: StartSurroundings, capabilities: readonly string[], noNewPrivileges: boolean) {
  const { process, spec } = record;
  const { user } = surroundings;
  const has = (name: string) => process.env.some((entry) => entry.startsWith(`${name}=`));
  const env = [
    ...process.env,
    ...(has('HOSTNAME') ? [] : [`HOSTNAME=${surroundings.hostname}`]),
    ...(spec.tty && !has('TERM') ? ['TERM=xterm'] : []),
    ...(has('HOME') ? [] : [`HOME=${user.home}`]),
  ];
  const [height, width] = spec.hostConfig.consoleSize;
  return {
    terminal: spec.tty,
    ...(spec.tty && height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: surroundings.initPath === null ? process.args : [initTarget, '--', ...process.args],
    env,
    cwd: process.workingDir || '/',
    capabilities: toOciCapabilities(capabilities, user.uid),
    rlimits: toRlimits(spec.hostConfig.resources),
    noNewPrivileges,
    oomScoreAdj: spec.hostConfig.oomScoreAdj,
  };
}

/** What an execve from root would leave: nothing is effective for another user, and nothing is ever inheritable (CVE-2022-24769). */
export function toOciCapabilities(capabilities: readonly string[], uid: number) {
  return uid === 0
    ? { bounding: capabilities, effective: capabilities, permitted: capabilities, inheritable: [], ambient: [] }
    : { bounding: capabilities, effective: [], permitted: [], inheritable: [], ambient: [] };
}

/** The OCI runtime-spec configuration of a container, with Docker's defaults. */
export function toOciConfig(record: ContainerRecord, surroundings: StartSurroundings): Record<string, unknown> {
  const host = record.spec.hostConfig;
  const security = parseSecurityOptions(host.securityOpt);
  const capabilities = resolveCapabilities(host, surroundings.capabilities);
  const profile = seccomp(record, surroundings, capabilities, security.seccomp);
  const isUnconfined = host.privileged || security.unconfinedPaths;
  const extraMounts: OciMount[] =
    surroundings.initPath === null ? [] : [{ destination: initTarget, type: 'bind', source: surroundings.initPath, options: ['bind', 'ro'] }];
  const devices = host.privileged
    ? surroundings.hostDevices
    : host.resources.devices.map((device) => readDevice(device.pathOnHost, device.pathInContainer || device.pathOnHost));
  return {
    // The oldest that has all of it: runtimes refuse one that is newer than they are (crun 1.8 beyond 1.0).
    ociVersion: '1.0.2',
    process: processOf(record, surroundings, capabilities, security.noNewPrivileges),
    root: { path: 'rootfs', readonly: host.readonlyRootfs },
    ...(host.utsMode === 'host' ? {} : { hostname: surroundings.hostname }),
    ...(record.spec.domainname === '' || host.utsMode === 'host' ? {} : { domainname: record.spec.domainname }),
    mounts: [...toOciMounts(host, record.mounts, surroundings.files, surroundings.ipcShmPath), ...extraMounts],
    annotations: host.annotations,
    linux: {
      namespaces: namespaces(record, surroundings),
      cgroupsPath: `${host.cgroupParent || surroundings.cgroupParent}/${record.id}`,
      resources: toOciResources(host.resources, host.privileged),
      devices,
      sysctl: checkSysctls(record),
      maskedPaths: isUnconfined ? [] : (host.maskedPaths ?? defaultMaskedPaths),
      readonlyPaths: isUnconfined ? [] : (host.readonlyPaths ?? defaultReadonlyPaths),
      ...(profile === null ? {} : { seccomp: profile }),
    },
  };
}
