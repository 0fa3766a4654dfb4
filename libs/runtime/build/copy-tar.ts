import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { readTar, type TarEntry, tarEnd, tarHeader, tarPadding } from '@gantry/oci/tar';
import { invalid } from '@gantry/platform/errors';
import type { BuildContext, ContextFile } from './context.ts';

/** What COPY may change about everything it copies; null keeps the source's. */
export interface Ownership {
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly mode: number | null;
}

function permissions(mode: number, isLink: boolean, ownership: Ownership): number {
  return ownership.mode !== null && !isLink ? ownership.mode : mode & 0o7777;
}

/** Directories above the copied files that the image does not have yet. */
export function* parentDirectories(missing: readonly string[], ownership: Ownership): Generator<Buffer> {
  for (let depth = 1; depth <= missing.length; depth++) {
    yield tarHeader({ name: `${missing.slice(0, depth).join('/')}/`, type: 'directory', mode: 0o755, ...(ownership.owner ?? { uid: 0, gid: 0 }), mtime: 0 });
  }
}

async function* fileParts(file: ContextFile, name: string, ownership: Ownership): AsyncGenerator<Buffer> {
  const { stat } = file;
  // The sender's owners mean nothing here.
  const owner = ownership.owner ?? { uid: 0, gid: 0 };
  const shared = { mode: permissions(stat.mode, stat.isSymbolicLink(), ownership), ...owner, mtime: Math.floor(stat.mtimeMs / 1000) };
  if (stat.isDirectory()) yield tarHeader({ ...shared, name: `${name}/`, type: 'directory' });
  else if (stat.isSymbolicLink()) yield tarHeader({ ...shared, name, type: 'symlink', linkName: file.linkTarget });
  else if (stat.isFile()) {
    yield tarHeader({ ...shared, name, sizeBytes: stat.size });
    for await (const chunk of createReadStream(file.absolute, { highWaterMark: 1 << 20 })) yield chunk;
    yield tarPadding(stat.size);
  } else throw invalid(`${file.path || name}: only files, directories and symbolic links can be copied`);
}

/** `absolute` of the context as entries below `name`; of a directory only what it holds when `name` is ''. */
export async function* contextParts(context: BuildContext, absolute: string, name: string, ownership: Ownership): AsyncGenerator<Buffer> {
  for await (const file of context.walk(absolute)) {
    const path = [name, file.path].filter((part) => part !== '').join('/');
    if (path !== '') yield* fileParts(file, path, ownership);
  }
}

async function* entryParts(entry: TarEntry, name: string, linkName: string, ownership: Ownership): AsyncGenerator<Buffer> {
  const { uid, gid } = ownership.owner ?? entry;
  const mode = permissions(entry.mode, entry.type === 'symlink', ownership);
  const isDirectory = entry.type === 'directory';
  yield tarHeader({ name: isDirectory ? `${name}/` : name, type: entry.type, mode, uid, gid, mtime: entry.mtime, linkName, sizeBytes: entry.sizeBytes });
  for await (const chunk of entry.body) yield chunk;
  yield tarPadding(entry.sizeBytes);
}

/** An executor's archive of one path, its first name component replaced by `name` ('': dropped). */
export async function* archiveParts(tar: Readable, name: string, ownership: Ownership): AsyncGenerator<Buffer> {
  const rename = (path: string) => {
    const below = path
      .replace(/^\.?\/+/, '')
      .replace(/\/+$/, '')
      .split('/')
      .slice(1)
      .join('/');
    return [name, below].filter((part) => part !== '').join('/');
  };
  for await (const entry of readTar(tar)) {
    const path = rename(entry.name);
    if (path !== '') yield* entryParts(entry, path, entry.type === 'hardlink' ? rename(entry.linkName) : entry.linkName, ownership);
  }
}

export function inlineFileParts(name: string, content: string, ownership: Ownership): Buffer[] {
  const bytes = Buffer.from(content);
  const owner = ownership.owner ?? { uid: 0, gid: 0 };
  return [tarHeader({ name, sizeBytes: bytes.length, mode: ownership.mode ?? 0o644, ...owner }), bytes, tarPadding(bytes.length)];
}

export function toTar(parts: AsyncIterable<Buffer>): Readable {
  async function* whole(): AsyncGenerator<Buffer> {
    yield* parts;
    yield tarEnd;
  }
  return Readable.from(whole(), { objectMode: false, highWaterMark: 1 << 20 });
}
