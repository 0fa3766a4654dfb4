import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { invalid } from '@gantry/platform/errors';
import type { Images } from '@gantry/runtime/images';
import type { Volumes } from '@gantry/runtime/volumes';
import type { MountRecord } from './container-record.ts';
import type { LiveContainer } from './live-container.ts';
import { mountImage, mountSubpath, unmountSources } from './mount-sources.ts';
import type { ContainerParts } from './parts.ts';
import type { ContainerSpec, Mount } from './spec.ts';

export interface MountsRequest {
  readonly spec: ContainerSpec;
  /** Paths declared by the image or the spec. */
  readonly declaredVolumes: readonly string[];
  readonly volumes: Volumes;
  readonly images: Images;
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
    subpath: '',
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
    subpath: '',
    options: [
      ...(given('mode') ? [] : [`mode=${mount.mode.toString(8)}`]),
      ...(mount.sizeBytes === 0 || given('size') ? [] : [`size=${mount.sizeBytes}`]),
      ...mount.options,
    ],
  };
}

function cleanSubpath(text: string): string {
  const subpath = text === '' ? '' : posix.normalize(text);
  if (/^\.\.(\/|$)/.test(subpath) || subpath.startsWith('/')) throw invalid(`invalid subpath ${JSON.stringify(text)}: it must be relative and stay inside`);
  return subpath;
}

function image(mount: Extract<Mount, { type: 'image' }>, images: Images): MountRecord {
  const found = images.find(mount.source);
  // Not "not found": clients would fetch the container's own image.
  if (found === undefined) throw invalid(`invalid mount config for type "image": No such image: ${mount.source}`);
  const subpath = cleanSubpath(mount.subpath);
  return { type: 'image', name: '', source: found.id, target: clean(mount.target), driver: '', readOnly: true, propagation: '', subpath, options: ['rbind'] };
}

async function volume(mount: Extract<Mount, { type: 'volume' }>, volumes: Volumes): Promise<MountRecord> {
  const subpath = cleanSubpath(mount.subpath);
  const made = await volumes.create({
    ...(mount.source === '' ? {} : { name: mount.source }),
    ...(mount.driver === '' ? {} : { driver: mount.driver }),
    options: mount.driverOptions,
    labels: mount.labels,
  });
  return {
    type: 'volume',
    name: made.name,
    source: posix.join(made.mountpoint, subpath),
    target: clean(mount.target),
    driver: made.driver,
    readOnly: mount.readOnly,
    propagation: '',
    subpath,
    options: ['rbind'],
  };
}

async function resolveOne(mount: Mount, { volumes, images }: MountsRequest): Promise<MountRecord> {
  if (mount.type === 'tmpfs') return tmpfs(mount);
  if (mount.type === 'image') return image(mount, images);
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
    const record = await resolveOne(mount, request);
    if (own.has(record.target)) throw invalid(`Duplicate mount point: ${record.target}`);
    own.add(record.target);
    mounts.set(record.target, record);
    if (mount.type === 'volume' && mount.copyUp && mount.subpath === '') copyUp.push({ volume: record.name, target: record.target });
  }
  for (const path of declaredVolumes) {
    const target = clean(path);
    if (mounts.has(target)) continue;
    const { name, mountpoint, driver } = await volumes.create({});
    mounts.set(target, { type: 'volume', name, source: mountpoint, target, driver, readOnly: false, propagation: '', subpath: '', options: ['rbind'] });
    copyUp.push({ volume: name, target });
  }
  return { mounts: [...mounts.values()], copyUp };
}

/** Right before the start: volumes, images and subpaths mounted, `-v` sources made. Gives where a mount really comes from, by its target, if not from where it says. */
export async function readyMounts(
  live: LiveContainer,
  directory: string,
  { volumes, images, snapshots }: Pick<ContainerParts, 'volumes' | 'images' | 'snapshots'>,
): Promise<ReadonlyMap<string, string>> {
  const sources = new Map<string, string>();
  await unmountSources(live.record, directory);
  for (const [index, mount] of live.record.mounts.entries()) {
    let root = '';
    if (mount.type === 'volume') root = await volumes.mount(mount.name, live.id);
    if (mount.type === 'image') {
      root = await mountImage(snapshots, images.get(mount.source).chainId, directory, `image-${index}`);
      sources.set(mount.target, root);
    }
    if (root !== '' && mount.subpath !== '') sources.set(mount.target, await mountSubpath(root, mount.subpath, directory, `subpath-${index}`));
  }
  await makeBindSources(live);
  return sources;
}

async function makeBindSources(live: LiveContainer): Promise<void> {
  for (const mount of live.record.mounts) {
    if (mount.type !== 'bind' || existsSync(mount.source)) continue;
    const asked = live.record.spec.hostConfig.mounts.find((candidate) => candidate.type === 'bind' && posix.normalize(candidate.source) === mount.source);
    if (asked?.type === 'bind' && !asked.createSource) throw invalid(`bind source path does not exist: ${mount.source}`);
    await mkdir(mount.source, { recursive: true, mode: 0o755 });
  }
}
