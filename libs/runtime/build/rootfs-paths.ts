import type { OverlayRootfs, PathStat } from '@gantry/contracts/executor';
import { readTar } from '@gantry/oci/tar';
import { hasCode, invalid } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';
import { resolvePath } from './config-instructions.ts';

const maxLinks = 40;
const kindMask = 0o170000;
const directoryKind = 0o040000;
const linkKind = 0o120000;
const maxAccountBytes = 4 << 20;

export function isDirectory(stat: PathStat): boolean {
  return (stat.mode & kindMask) === directoryKind;
}

/** Looks at a stage's file system through the executor, which keeps every path inside it. */
export class RootfsPaths {
  readonly #executor: Executor;
  readonly #overlay: OverlayRootfs;

  constructor(executor: Executor, overlay: OverlayRootfs) {
    this.#executor = executor;
    this.#overlay = overlay;
  }

  async #lstat(path: string): Promise<PathStat | null> {
    try {
      return await this.#executor.call('path.stat', { rootfs: { overlay: this.#overlay }, path });
    } catch (error) {
      if (hasCode(error, 'not-found')) return null;
      throw error;
    }
  }

  /** Follows a final symbolic link; null when there is nothing there. */
  async stat(path: string): Promise<{ path: string; stat: PathStat } | null> {
    let current = path;
    for (let links = 0; links < maxLinks; links++) {
      const stat = await this.#lstat(current);
      if (stat === null) return null;
      if ((stat.mode & kindMask) !== linkKind) return { path: current, stat };
      current = resolvePath(resolvePath(current, '..'), stat.linkTarget);
    }
    throw invalid(`${path}: too many levels of symbolic links`);
  }

  /** The deepest existing directory of `path`, and the names still to be made below it. */
  async nearestDirectory(path: string): Promise<{ directory: string; missing: string[] }> {
    const missing: string[] = [];
    for (let current = resolvePath('/', path); current !== '/'; current = resolvePath(current, '..')) {
      const found = await this.stat(current);
      if (found !== null) {
        if (!isDirectory(found.stat)) throw invalid(`${current} is not a directory`);
        return { directory: found.path, missing };
      }
      missing.unshift(current.slice(current.lastIndexOf('/') + 1));
    }
    return { directory: '/', missing };
  }

  /** A small file's text; '' when it does not exist. */
  async #read(path: string): Promise<string> {
    if ((await this.#lstat(path)) === null) return '';
    const { tar } = await this.#executor.readArchive({ rootfs: { overlay: this.#overlay }, path });
    for await (const entry of readTar(tar)) {
      if (entry.type !== 'file' || entry.sizeBytes > maxAccountBytes) break;
      const parts: Buffer[] = [];
      for await (const chunk of entry.body) parts.push(chunk);
      return Buffer.concat(parts).toString('utf8');
    }
    return '';
  }

  /** `--chown=user[:group]`, by name or number. A user alone brings its own group. */
  async owner(text: string): Promise<{ uid: number; gid: number }> {
    const [user = '', group] = text.split(':');
    const passwd = /^\d+$/.test(user) && group !== undefined ? '' : await this.#read('/etc/passwd');
    const account = passwd
      .split('\n')
      .map((line) => line.split(':'))
      .find((fields) => fields[0] === user || (fields[2] === user && fields.length > 3));
    const uid = /^\d{1,10}$/.test(user) ? Number(user) : Number(account?.[2] ?? Number.NaN);
    if (Number.isNaN(uid)) throw invalid(`unable to convert uid/gid chown string to host mapping: can't find uid for user ${user}: no such user: ${user}`);
    if (group === undefined) return { uid, gid: Number(account?.[3] ?? uid) };
    if (/^\d{1,10}$/.test(group)) return { uid, gid: Number(group) };
    const entry = (await this.#read('/etc/group'))
      .split('\n')
      .map((line) => line.split(':'))
      .find((fields) => fields[0] === group);
    if (entry === undefined)
      throw invalid(`unable to convert uid/gid chown string to host mapping: can't find gid for group ${group}: no such group: ${group}`);
    return { uid, gid: Number(entry[2]) };
  }
}
