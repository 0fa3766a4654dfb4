import type { MountPoint } from '@gantry/engine-api/types';
import type { Container, ContainerMount, Healthcheck } from '@gantry/runtime/containers';
import { fromHostConfig, isTmpfsOption } from './host-config.ts';
import { toNetworkSettings } from './network-settings.ts';
import { toState } from './state.ts';

function mountMode(mount: ContainerMount): string {
  if (mount.readOnly) return 'ro';
  return mount.type === 'volume' ? 'z' : '';
}

export function toMountPoints(container: Container): MountPoint[] {
  // What `--tmpfs` made is told under HostConfig.Tmpfs alone.
  const tmpfs = new Set(container.spec.hostConfig.mounts.filter(isTmpfsOption).map(({ target }) => target));
  const shown = container.mounts.filter((mount) => mount.type !== 'tmpfs' || !tmpfs.has(mount.target));
  return shown.map((mount) => ({
    Type: mount.type,
    ...(mount.type === 'volume' ? { Name: mount.name } : {}),
    Source: mount.source,
    Destination: mount.target,
    ...(mount.type === 'volume' ? { Driver: mount.driver } : {}),
    Mode: mountMode(mount),
    RW: !mount.readOnly,
    Propagation: mount.type === 'bind' ? mount.propagation : '',
  }));
}

function fromHealthcheck(check: Healthcheck): Record<string, unknown> {
  const ns = (ms: number) => ms * 1_000_000;
  return {
    Test: check.test,
    ...(check.intervalMs > 0 ? { Interval: ns(check.intervalMs) } : {}),
    ...(check.timeoutMs > 0 ? { Timeout: ns(check.timeoutMs) } : {}),
    ...(check.startPeriodMs > 0 ? { StartPeriod: ns(check.startPeriodMs) } : {}),
    ...(check.startIntervalMs > 0 ? { StartInterval: ns(check.startIntervalMs) } : {}),
    ...(check.retries > 0 ? { Retries: check.retries } : {}),
  };
}

function toSet(keys: readonly string[]): Record<string, object> | null {
  return keys.length > 0 ? Object.fromEntries(keys.map((key) => [key, {}])) : null;
}

/** Config: what was asked for, completed from the image. */
export function toConfig(container: Container): Record<string, unknown> {
  const { spec, process } = container;
  const ports = toSet(process.exposedPorts);
  return {
    Hostname: spec.hostname || container.id.slice(0, 12),
    Domainname: spec.domainname,
    User: process.user,
    AttachStdin: spec.attachStdin,
    AttachStdout: spec.attachStdout,
    AttachStderr: spec.attachStderr,
    ...(ports === null ? {} : { ExposedPorts: ports }),
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    StdinOnce: spec.stdinOnce,
    Env: process.env,
    Cmd: process.cmd.length > 0 ? process.cmd : null,
    ...(process.healthcheck === null ? {} : { Healthcheck: fromHealthcheck(process.healthcheck) }),
    Image: spec.image,
    Volumes: toSet(process.volumes),
    WorkingDir: process.workingDir,
    Entrypoint: process.entrypoint.length > 0 ? process.entrypoint : null,
    OnBuild: null,
    Labels: process.labels,
    ...(spec.stopSignal === '' ? {} : { StopSignal: spec.stopSignal }),
    ...(spec.stopTimeoutSeconds === null ? {} : { StopTimeout: spec.stopTimeoutSeconds }),
  };
}

export function toContainerInspect(container: Container, size: { rw: number; root: number } | null): Record<string, unknown> {
  const [path, ...args] = container.process.args;
  return {
    Id: container.id,
    Created: container.createdAt,
    Path: path ?? '',
    Args: args,
    State: toState(container),
    Image: container.imageId,
    ResolvConfPath: container.paths.resolvConf,
    HostnamePath: container.paths.hostname,
    HostsPath: container.paths.hosts,
    LogPath: container.paths.log,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: container.execIds.length > 0 ? container.execIds : null,
    HostConfig: fromHostConfig(container.spec.hostConfig),
    GraphDriver: { Data: null, Name: 'overlay2' },
    ...(size === null ? {} : { SizeRw: size.rw, SizeRootFs: size.root }),
    Mounts: toMountPoints(container),
    Config: toConfig(container),
    NetworkSettings: toNetworkSettings(container),
  };
}
