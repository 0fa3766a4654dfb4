import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { invalid, whileTrying } from '@gantry/platform/errors';
import type { Snapshotter } from '@gantry/runtime/snapshots';
import type { ContainerRecord } from './container-record.ts';

const run = promisify(execFile);
/** Linux's O_PATH, which node:fs does not name. */
const openPathOnly = 0o10000000;

/**
 * A file or directory beneath `root`, found name by name and never by way of a link: whoever can write there could point one out of it, also between
 * a look and the mount. What the handle leads to stays what was found.
 */
async function openBeneath(root: string, subpath: string): Promise<FileHandle> {
  const names = subpath.split('/').filter((name) => name !== '' && name !== '.');
  if (subpath.startsWith('/') || names.includes('..')) throw invalid(`invalid subpath ${JSON.stringify(subpath)}: it must be relative and stay inside`);
  const flags = openPathOnly | constants.O_NOFOLLOW;
  let found = await open(root, flags);
  for (const name of names) {
    const outer = found;
    const inner = await open(`/proc/self/fd/${outer.fd}/${name}`, flags)
      .catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null;
        throw whileTrying(`look for subpath ${JSON.stringify(subpath)}`, cause);
      })
      .finally(() => outer.close());
    // Without the kernel's words: clients take "no such file" for a missing program.
    if (inner === null) throw invalid(`cannot use subpath ${JSON.stringify(subpath)}: ${name} does not exist`);
    found = inner;
    if (!(await found.stat()).isSymbolicLink()) continue;
    await found.close();
    throw invalid(`cannot use subpath ${JSON.stringify(subpath)}: ${name} is a symbolic link`);
  }
  return found;
}

/** The mounts below a directory, the last one first. */
async function mountsBeneath(directory: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const points = table.split('\n').map((line) => line.split(' ')[4]?.replaceAll('\\040', ' ') ?? '');
  return points.filter((point) => point.startsWith(`${directory}/`)).reverse();
}

const ownMounts = (directory: string): string => join(directory, 'mounts');

/** Binds what is beneath `root` at a place of the container's own, which stays what it is; `name` is unique to the mount. */
export async function mountSubpath(root: string, subpath: string, directory: string, name: string): Promise<string> {
  const point = join(ownMounts(directory), name);
  const found = await openBeneath(root, subpath);
  try {
    await mkdir(ownMounts(directory), { recursive: true, mode: 0o700 });
    if ((await found.stat()).isDirectory()) await mkdir(point, { recursive: true, mode: 0o700 });
    else await writeFile(point, '');
    // Not canonicalised: that would be a look by name again.
    await run('mount', ['--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${found.fd}`, point]);
    return point;
  } catch (cause) {
    throw whileTrying(`mount subpath ${JSON.stringify(subpath)} on ${point}`, cause);
  } finally {
    await found.close();
  }
}

/** An image's file system, read-only, for a container that uses it as data. */
export async function mountImage(snapshots: Snapshotter, chainId: string | null, directory: string, name: string): Promise<string> {
  const point = join(ownMounts(directory), name);
  try {
    await mkdir(point, { recursive: true, mode: 0o700 });
    // An overlay without an upper directory wants two at least.
    const below = [...(await snapshots.view(chainId)).lowerDirs, ...(await snapshots.view(null)).lowerDirs];
    const cwd = dirname(below[0] ?? '/');
    // Relative to where they are: all options together may be one page long.
    const names = below.map((layer) => relative(cwd, layer));
    await run('mount', ['-t', 'overlay', '-o', `ro,lowerdir=${names.join(':')}`, 'image', point], { cwd });
    return point;
  } catch (cause) {
    throw whileTrying(`mount an image on ${point}`, cause);
  }
}

/** Also those of an earlier agent. */
export async function unmountSources({ mounts }: Pick<ContainerRecord, 'mounts'>, directory: string): Promise<void> {
  if (!mounts.some(({ type, subpath }) => type === 'image' || subpath !== '')) return;
  await unmountBeneath(ownMounts(directory));
  await rm(ownMounts(directory), { recursive: true, force: true });
}

/** Before a directory is deleted: what is mounted there is somebody's data. */
export async function unmountBeneath(directory: string): Promise<void> {
  for (const point of await mountsBeneath(directory)) await run('umount', [point]);
}
