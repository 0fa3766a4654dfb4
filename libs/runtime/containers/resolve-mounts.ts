import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { invalid } from '@gantry/platform/errors';
import type { Volumes } from '@gantry/runtime/volumes';
import type { MountRecord } from './container-record.ts';
import type { LiveContainer } from './live-container.ts';
import type { ContainerSpec, Mount } from './spec.ts';

export interface MountsRequest {
  readonly spec: ContainerSpec;
  /** Paths declared by the image or the spec. */
  readonly declaredVolumes: readonly string[];
  readonly volumes: Volumes;
  readonly getContainer: (reference: string) => LiveContainer;
}

export interface ResolvedMounts {
  readonly mounts: MountRecord[];
  /** Volumes that are to get what the image holds at target. */
  readonly copyUp: readonly { readonly volume: string; readonly target: string }[];
}

function clean(target: string): string {
  const path = posix.normalize(target).replace(/(?<=.)\/+$/, '');
  if (path === '/') throw invalid("invalid mount: destination can't be '/'");
  return path;
}

function bind(mount: Extract<Mount, { type: 'bind' }>): MountRecord {
  return {
    type: 'bind',
    name: '',
    source: posix.normalize(mount.source),
    target: clean(mount.target),
    driver: '',
    readOnly: mount.readOnly,
    propagation: mount.propagation,
    options: [mount.recursive ? 'rbind' : 'bind'],
  };
}

function tmpfs(mount: Extract<Mount, { type: 'tmpfs' }>): MountRecord {
  const given = (name: string) => mount.options.some((option) => option.startsWith(`${name}=`));
  return {
    type: 'tmpfs',
    name: '',
    source: '',
    target: clean(mount.target),
    driver: '',
    readOnly: mount.readOnly,
    propagation: '',
    options: [
      ...(given('mode') ? [] : [`mode=${mount.mode.toString(8)}`]),
      ...(mount.sizeBytes === 0 || given('size') ? [] : [`size=${mount.sizeBytes}`]),
      ...mount.options,
    ],
  };
}

async function volume(mount: Extract<Mount, { type: 'volume' }>, volumes: Volumes): Promise<MountRecord> {
  const made = await volumes.create({
    ...(mount.source === '' ? {} : { name: mount.source }),
    ...(mount.driver === '' ? {} : { driver: mount.driver }),
    options: mount.driverOptions,
    labels: mount.labels,
  });
  const subpath = mount.subpath === '' ? '' : posix.normalize(mount.subpath);
  if (subpath.startsWith('..') || subpath.startsWith('/')) throw invalid(`invalid volume subpath ${JSON.stringify(mount.subpath)}`);
  return {
    type: 'volume',
    name: made.name,
    source: subpath === '' ? made.mountpoint : posix.join(made.mountpoint, subpath),
    target: clean(mount.target),
    driver: made.driver,
    readOnly: mount.readOnly,
    propagation: '',
    options: ['rbind'],
  };
}

async function resolveOne(mount: Mount, volumes: Volumes): Promise<MountRecord> {
  if (mount.type === 'tmpfs') return tmpfs(mount);
  if (mount.type === 'volume') return volume(mount, volumes);
  if (existsSync(mount.source) || mount.createSource) return bind(mount);
  throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${mount.source}`);
}

function inherited({ spec, getContainer }: MountsRequest): MountRecord[] {
  return spec.hostConfig.volumesFrom.flatMap((reference) => {
    const [source = '', mode = ''] = reference.split(':');
    const mounts = getContainer(source).record.mounts.filter((mount) => mount.type !== 'tmpfs');
    return mounts.map((mount) => ({ ...mount, readOnly: mount.readOnly || mode === 'ro' }));
  });
}

/** Everything mounted into a container, volumes made: what it takes from others, over that its own, and anonymous volumes where nothing else is. */
export async function resolveMounts(request: MountsRequest): Promise<ResolvedMounts> {
  const { spec, declaredVolumes, volumes } = request;
  const mounts = new Map(inherited(request).map((mount) => [mount.target, mount]));
  const copyUp: { volume: string; target: string }[] = [];
  const own = new Set<string>();
  for (const mount of spec.hostConfig.mounts) {
    const record = await resolveOne(mount, volumes);
    if (own.has(record.target)) throw invalid(`Duplicate mount point: ${record.target}`);
    own.add(record.target);
    mounts.set(record.target, record);
    if (mount.type === 'volume' && mount.copyUp && mount.subpath === '') copyUp.push({ volume: record.name, target: record.target });
  }
  for (const path of declaredVolumes) {
    const target = clean(path);
    if (mounts.has(target)) continue;
    const { name, mountpoint, driver } = await volumes.create({});
    mounts.set(target, { type: 'volume', name, source: mountpoint, target, driver, readOnly: false, propagation: '', options: ['rbind'] });
    copyUp.push({ volume: name, target });
  }
  return { mounts: [...mounts.values()], copyUp };
}

/** Right before the start: volumes mounted, `-v` sources made. */
export async function readyMounts(live: LiveContainer, volumes: Volumes): Promise<void> {
  for (const mount of live.record.mounts) {
    if (mount.type === 'volume') await volumes.mount(mount.name, live.id);
    if (mount.type !== 'bind' || existsSync(mount.source)) continue;
    const asked = live.record.spec.hostConfig.mounts.find((candidate) => candidate.type === 'bind' && posix.normalize(candidate.source) === mount.source);
    if (asked?.type === 'bind' && !asked.createSource) throw invalid(`bind source path does not exist: ${mount.source}`);
    await mkdir(mount.source, { recursive: true, mode: 0o755 });
  }
}
