import { EngineError } from '@gantry/engine-api/protocol';
import type { MountBody } from '@gantry/engine-api/types';
import type { Mount } from '@gantry/runtime/containers';

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'] as const;

function refuse(mount: MountBody, why: string): never {
  throw new EngineError(400, `invalid mount config for type "${mount.Type}": ${why}`);
}

function fromBind(mount: MountBody): Mount {
  if (mount.VolumeOptions || mount.TmpfsOptions) refuse(mount, 'field VolumeOptions must not be specified');
  if (mount.Source === '') refuse(mount, 'field Source must not be empty');
  if (!mount.Source.startsWith('/')) refuse(mount, `invalid mount path: '${mount.Source}' mount path must be absolute`);
  const wanted = mount.BindOptions?.Propagation || 'rprivate';
  const propagation = propagations.find((known) => known === wanted) ?? refuse(mount, `invalid propagation mode: ${wanted}`);
  return {
    type: 'bind',
    source: mount.Source,
    target: mount.Target,
    readOnly: mount.ReadOnly,
    propagation,
    createSource: mount.BindOptions?.CreateMountpoint ?? false,
    recursive: !(mount.BindOptions?.NonRecursive ?? false),
  };
}

function fromVolume(mount: MountBody): Mount {
  if (mount.BindOptions || mount.TmpfsOptions) refuse(mount, 'field BindOptions must not be specified');
  const options = mount.VolumeOptions;
  return {
    type: 'volume',
    source: mount.Source,
    target: mount.Target,
    readOnly: mount.ReadOnly,
    copyUp: !(options?.NoCopy ?? false),
    subpath: options?.Subpath ?? '',
    driver: options?.DriverConfig?.Name ?? '',
    driverOptions: options?.DriverConfig?.Options ?? {},
    labels: options?.Labels ?? {},
  };
}

function fromTmpfs(mount: MountBody): Mount {
  if (mount.BindOptions || mount.VolumeOptions) refuse(mount, 'field BindOptions must not be specified');
  if (mount.Source !== '') refuse(mount, 'field Source must not be specified');
  const options = mount.TmpfsOptions;
  return {
    type: 'tmpfs',
    target: mount.Target,
    readOnly: mount.ReadOnly,
    sizeBytes: options?.SizeBytes ?? 0,
    mode: options?.Mode || 0o1777,
    options: (options?.Options ?? []).map((pair) => pair.join('=')),
  };
}

function fromImage(mount: MountBody): Mount {
  if (mount.BindOptions || mount.VolumeOptions || mount.TmpfsOptions) refuse(mount, 'only ImageOptions may be specified');
  if (mount.Source === '') refuse(mount, 'field Source must not be empty');
  return { type: 'image', source: mount.Source, target: mount.Target, readOnly: true, subpath: mount.ImageOptions?.Subpath ?? '' };
}

/** An entry of HostConfig.Mounts (`docker run --mount`). */
export function fromMountBody(mount: MountBody): Mount {
  if (mount.Target === '') refuse(mount, 'field Target must not be empty');
  if (!mount.Target.startsWith('/')) refuse(mount, `invalid mount path: '${mount.Target}' mount path must be absolute`);
  if (mount.Target === '/') refuse(mount, "invalid specification: destination can't be '/'");
  if (mount.Type === 'bind') return fromBind(mount);
  if (mount.Type === 'volume') return fromVolume(mount);
  if (mount.Type === 'tmpfs') return fromTmpfs(mount);
  if (mount.Type === 'image') return fromImage(mount);
  throw new EngineError(400, `invalid mount config for type "${mount.Type}": mount type unknown: "${mount.Type}"`);
}

/** What inspect shows under HostConfig.Mounts. */
export function toMountBody(mount: Mount): Record<string, unknown> {
  const shared: Record<string, unknown> = {
    Type: mount.type,
    ...(mount.type === 'tmpfs' ? {} : { Source: mount.source }),
    Target: mount.target,
    ...(mount.readOnly && mount.type !== 'image' ? { ReadOnly: true } : {}),
  };
  if (mount.type === 'image') return mount.subpath === '' ? shared : { ...shared, ImageOptions: { Subpath: mount.subpath } };
  if (mount.type === 'bind') {
    const options = { ...(mount.propagation === 'rprivate' ? {} : { Propagation: mount.propagation }), ...(mount.recursive ? {} : { NonRecursive: true }) };
    return Object.keys(options).length > 0 ? { ...shared, BindOptions: options } : shared;
  }
  if (mount.type === 'tmpfs') return { ...shared, TmpfsOptions: { SizeBytes: mount.sizeBytes, Mode: mount.mode } };
  const options = {
    ...(mount.copyUp ? {} : { NoCopy: true }),
    ...(Object.keys(mount.labels).length > 0 ? { Labels: mount.labels } : {}),
    ...(mount.subpath === '' ? {} : { Subpath: mount.subpath }),
    ...(mount.driver === '' && Object.keys(mount.driverOptions).length === 0 ? {} : { DriverConfig: { Name: mount.driver, Options: mount.driverOptions } }),
  };
  return Object.keys(options).length > 0 ? { ...shared, VolumeOptions: options } : shared;
}
