import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { invalid, whileTrying } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';
import { hasWildcard, toMatcher } from './pattern.ts';

const maxContextBytes = 64 * 1024 ** 3;
const maxContextEntries = 5_000_000;
const maxLinks = 40;

/** A file of the context; `path` is relative to what was asked for, '' being that itself. */
export interface ContextFile {
  readonly path: string;
  readonly absolute: string;
  readonly stat: Stats;
  /** Of a symbolic link; ''. */
  readonly linkTarget: string;
}

/** The files a client sent to build from, in a directory of their own. Names are looked up below it and never lead out of it. */
export class BuildContext {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Unpacks the client's tar (gzip and zstd too) below `root`. */
  static async receive(executor: Pick<Executor, 'receiveLayer'>, tar: Readable, root: string, signal: AbortSignal): Promise<BuildContext> {
    try {
      const limits = { maxBytes: maxContextBytes, maxEntries: maxContextEntries };
      const received = await executor.receiveLayer(tar, { compression: 'auto', target: root, keep: null, digest: null, diffId: null, ...limits }, { signal });
      await received.finish({ lowerDirs: [] });
    } catch (cause) {
      throw whileTrying('read the build context', cause);
    }
    return new BuildContext(root);
  }

  /** Where `path` really is, symbolic links followed inside the context; null when there is nothing. */
  async resolve(path: string): Promise<string | null> {
    let pending = path.split('/');
    let current: string[] = [];
    for (let links = 0; pending.length > 0; ) {
      const [part = '', ...rest] = pending;
      pending = rest;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        current = current.slice(0, -1);
        continue;
      }
      const absolute = join(this.#root, ...current, part);
      const stat = await lstat(absolute).catch(() => null);
      if (stat === null) return null;
      if (!stat.isSymbolicLink()) {
        current = [...current, part];
        continue;
      }
      if (++links > maxLinks) throw invalid(`${path}: too many levels of symbolic links`);
      const target = await readlink(absolute);
      if (target.startsWith('/')) current = [];
      pending = [...target.split('/'), ...pending];
    }
    return join(this.#root, ...current);
  }

  async readText(path: string): Promise<string | null> {
    const absolute = await this.resolve(path);
    return absolute === null ? null : readFile(absolute, 'utf8');
  }

  /** Paths that a source of COPY or ADD names, in order. */
  async glob(source: string): Promise<string[]> {
    const parts = source.split('/').filter((part) => part !== '' && part !== '.');
    let found = [''];
    for (const part of parts) {
      const next: string[] = [];
      for (const directory of found) next.push(...(await this.#matches(directory, part)));
      found = next;
    }
    return found;
  }

  async #matches(directory: string, part: string): Promise<string[]> {
    if (!hasWildcard(part)) return [join(directory, part)];
    const absolute = await this.resolve(directory);
    if (absolute === null) return [];
    const matcher = toMatcher(part);
    const names = await readdir(absolute).catch(() => []);
    return names
      .filter((name) => matcher.test(name))
      .sort()
      .map((name) => join(directory, name));
  }

  /** The file, or the directory with everything below it in a fixed order; links below are not followed. */
  async *walk(absolute: string, path = ''): AsyncGenerator<ContextFile> {
    const stat = await lstat(absolute);
    yield { path, absolute, stat, linkTarget: stat.isSymbolicLink() ? await readlink(absolute) : '' };
    if (!stat.isDirectory()) return;
    const names = await readdir(absolute);
    for (const name of names.sort()) yield* this.walk(join(absolute, name), path === '' ? name : `${path}/${name}`);
  }

  /** Names a file or tree by what COPY would make of it: names, kinds, permissions and bytes, but not times. */
  async hash(absolute: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const file of this.walk(absolute)) {
      hash.update(`${JSON.stringify([file.path, file.stat.mode, file.linkTarget, file.stat.isFile() ? file.stat.size : 0])}\n`);
      if (file.stat.isFile()) for await (const chunk of createReadStream(file.absolute, { highWaterMark: 1 << 20 })) hash.update(chunk);
    }
    return hash.digest('hex');
  }
}
