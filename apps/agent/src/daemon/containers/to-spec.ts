import { type ApiVersion, EngineError } from '@gantry/engine-api/protocol';
import type { ContainerCreateBody, EndpointBody, HealthcheckBody, HostConfigBody } from '@gantry/engine-api/types';
import { ContainerSpec, type EndpointSpec, type Healthcheck, type Mount, type RestartPolicy } from '@gantry/runtime/containers';
import { parseBind } from './binds.ts';
import { fromMountBody } from './mounts.ts';
import { toResources } from './to-resources.ts';

const restartNames = ['no', 'always', 'unless-stopped', 'on-failure'] as const;
const isolations = new Set(['', 'default']);

export function toRestartPolicy(body: { Name: string; MaximumRetryCount: number }): RestartPolicy {
  const name = restartNames.find((known) => known === (body.Name || 'no'));
  if (name === undefined) {
    throw new EngineError(400, `invalid restart policy: unknown policy '${body.Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`);
  }
  if (body.MaximumRetryCount < 0) throw new EngineError(400, 'invalid restart policy: maximum retry count cannot be negative');
  if (name !== 'on-failure' && body.MaximumRetryCount > 0) {
    throw new EngineError(400, "invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  return { name, maximumRetryCount: body.MaximumRetryCount };
}

function toMilliseconds(ns: number, field: string): number {
  if (ns !== 0 && ns < 1_000_000) throw new EngineError(400, `${field} in Healthcheck cannot be less than 1ms`);
  return Math.round(ns / 1_000_000);
}

export function toHealthcheck(body: HealthcheckBody): Healthcheck {
  const kind = body.Test[0];
  if (kind !== undefined && !['', 'NONE', 'CMD', 'CMD-SHELL'].includes(kind)) throw new EngineError(400, `Unknown healthcheck type '${kind}' (expected 'CMD')`);
  if (body.Retries < 0) throw new EngineError(400, 'Retries in Healthcheck cannot be negative');
  return {
    test: body.Test,
    intervalMs: toMilliseconds(body.Interval, 'Interval'),
    timeoutMs: toMilliseconds(body.Timeout, 'Timeout'),
    startPeriodMs: toMilliseconds(body.StartPeriod, 'StartPeriod'),
    startIntervalMs: toMilliseconds(body.StartInterval, 'StartInterval'),
    retries: body.Retries,
  };
}

export function toPort(text: string): string {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const port = Number(match?.[1]);
  if (!match || port < 1 || port > 65535) throw new EngineError(400, `invalid port specification: "${text}"`);
  return `${port}/${(match[2] ?? 'tcp').toLowerCase()}`;
}

/** `8000-8002/tcp` in ExposedPorts means each of them. */
function toPorts(text: string): string[] {
  const range = /^(\d{1,5})-(\d{1,5})((?:\/\w+)?)$/.exec(text);
  if (!range) return [toPort(text)];
  const [first, last] = [Number(range[1]), Number(range[2])];
  if (last < first || last > 65535) throw new EngineError(400, `invalid port specification: "${text}"`);
  return Array.from({ length: last - first + 1 }, (_, index) => toPort(`${first + index}${range[3]}`));
}

export function toEndpointSpec(body: EndpointBody | null): EndpointSpec {
  return {
    aliases: body?.Aliases ?? [],
    ipv4: body?.IPAMConfig?.IPv4Address || null,
    ipv6: body?.IPAMConfig?.IPv6Address || null,
    mac: body?.MacAddress.toLowerCase() || null,
    links: body?.Links ?? [],
    driverOptions: body?.DriverOpts ?? {},
  };
}

function toMounts(host: HostConfigBody): Mount[] {
  const tmpfs = Object.entries(host.Tmpfs).map(
    ([target, options]): Mount => ({
      type: 'tmpfs',
      target,
      readOnly: false,
      sizeBytes: 0,
      mode: 0o1777,
      options: options.split(',').filter((option) => option !== ''),
    }),
  );
  const binds = host.Binds.map(parseBind).map((mount) =>
    mount.type === 'volume' && host.VolumeDriver !== '' ? { ...mount, driver: host.VolumeDriver } : mount,
  );
  const mounts = [...binds, ...host.Mounts.map(fromMountBody), ...tmpfs];
  const targets = new Set<string>();
  for (const { target } of mounts) {
    const canonical = target.replace(/\/+$/, '');
    if (targets.has(canonical)) throw new EngineError(400, `Duplicate mount point: ${target}`);
    targets.add(canonical);
  }
  return mounts;
}

function toEndpoints(body: ContainerCreateBody, networkMode: string, version: ApiVersion): Record<string, EndpointSpec> {
  const named = Object.entries(body.NetworkingConfig);
  if (named.length > 1 && !version.isAtLeast(44)) {
    throw new EngineError(400, `Container cannot be connected to network endpoints: ${named.map(([name]) => name).join(', ')}`);
  }
  const endpoints = Object.fromEntries(named.map(([name, endpoint]) => [name === 'default' ? 'bridge' : name, toEndpointSpec(endpoint)]));
  if (body.MacAddress !== '') {
    const endpoint = endpoints[networkMode] ?? toEndpointSpec(null);
    endpoints[networkMode] = { ...endpoint, mac: endpoint.mac ?? body.MacAddress.toLowerCase() };
  }
  return endpoints;
}

function toHostConfig(host: HostConfigBody, networkMode: string, cpus: number): ContainerSpec['hostConfig'] {
  if (!isolations.has(host.Isolation)) throw new EngineError(400, `invalid isolation "${host.Isolation}": linux does not support it`);
  const restartPolicy = toRestartPolicy(host.RestartPolicy);
  if (host.AutoRemove && restartPolicy.name !== 'no') throw new EngineError(400, "can't create 'AutoRemove' container with restart policy");
  return {
    mounts: toMounts(host),
    volumesFrom: host.VolumesFrom,
    portBindings: Object.fromEntries(
      Object.entries(host.PortBindings).map(([port, bindings]) => [
        toPort(port),
        bindings.map(({ HostIp, HostPort }) => ({ hostIp: HostIp, hostPort: HostPort })),
      ]),
    ),
    publishAllPorts: host.PublishAllPorts,
    networkMode,
    dns: host.Dns,
    dnsOptions: host.DnsOptions,
    dnsSearch: host.DnsSearch,
    extraHosts: host.ExtraHosts,
    links: host.Links,
    restartPolicy,
    autoRemove: host.AutoRemove,
    privileged: host.Privileged,
    capAdd: host.CapAdd,
    capDrop: host.CapDrop,
    securityOpt: host.SecurityOpt,
    groupAdd: host.GroupAdd,
    readonlyRootfs: host.ReadonlyRootfs,
    resources: toResources(host, cpus),
    init: host.Init,
    shmSizeBytes: host.ShmSize,
    sysctls: host.Sysctls,
    logConfig: { type: host.LogConfig.Type, config: host.LogConfig.Config },
    ipcMode: host.IpcMode,
    pidMode: host.PidMode,
    utsMode: host.UTSMode,
    cgroupnsMode: host.CgroupnsMode,
    usernsMode: host.UsernsMode,
    cgroupParent: host.CgroupParent,
    oomScoreAdj: host.OomScoreAdj,
    maskedPaths: host.MaskedPaths,
    readonlyPaths: host.ReadonlyPaths,
    runtime: host.Runtime,
    storageOptions: host.StorageOpt,
    consoleSize: host.ConsoleSize,
    annotations: host.Annotations,
  };
}

/** Docker's create body in the runtime's words. Throws EngineError 400 with Docker's wording where clients look at it. */
export function toContainerSpec(body: ContainerCreateBody, options: { version: ApiVersion; platform: string; cpus: number }): ContainerSpec {
  const networkMode = ['', 'default'].includes(body.HostConfig.NetworkMode) ? 'bridge' : body.HostConfig.NetworkMode;
  const spec = {
    image: body.Image,
    entrypoint: body.Entrypoint,
    cmd: body.Cmd,
    env: body.Env,
    workingDir: body.WorkingDir,
    user: body.User,
    hostname: body.Hostname,
    domainname: body.Domainname,
    labels: body.Labels,
    tty: body.Tty,
    openStdin: body.OpenStdin,
    stdinOnce: body.StdinOnce,
    attachStdin: body.AttachStdin,
    attachStdout: body.AttachStdout,
    attachStderr: body.AttachStderr,
    stopSignal: body.StopSignal,
    stopTimeoutSeconds: body.StopTimeout,
    healthcheck: body.Healthcheck === null ? null : toHealthcheck(body.Healthcheck),
    exposedPorts: body.ExposedPorts.flatMap(toPorts),
    volumes: body.Volumes,
    networkDisabled: body.NetworkDisabled,
    platform: options.platform,
    hostConfig: toHostConfig(body.HostConfig, networkMode, options.cpus),
    endpoints: toEndpoints(body, networkMode, options.version),
  };
  const checked = ContainerSpec.safeParse(spec);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new EngineError(400, `invalid container config: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, { cause: checked.error });
}
