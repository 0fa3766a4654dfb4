import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GantryError, operational, whileTrying } from '@gantry/platform/errors';
import { writeFileDurably } from './durable-file.ts';

/** A directory held by this process alone until `release`, or until the process ends, however it ends. */
export interface DataDirectory {
  readonly path: string;
  release(): void;
}

async function checkVersion(path: string, version: number): Promise<void> {
  const file = join(path, 'version');
  const found = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw cause;
  });
  if (found === null) return writeFileDurably(file, `${version}\n`, { mode: 0o644 });
  const number = Number.parseInt(found, 10);
  if (!Number.isInteger(number) || number < 1)
    throw operational('corrupt', `${file} holds ${JSON.stringify(found.slice(0, 40))} where a version number belongs`);
  if (number > version)
    throw operational(
      'unsupported',
      `${path} was written by a newer version (layout ${number}, this one knows ${version}): upgrade, or choose another directory`,
    );
}

/**
 * Takes the lock, then checks the layout's version. The lock is SQLite's, on a database of its own: the kernel drops it with the
 * process, so there are no stale lock files.
 */
export async function holdDataDirectory(path: string, options: { version: number }): Promise<DataDirectory> {
  let lock: DatabaseSync | undefined;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(join(path, 'lock'), { timeout: 0 });
    try {
      lock.exec('pragma locking_mode = exclusive; pragma journal_mode = memory; create table if not exists held (at text); begin exclusive');
    } catch (cause) {
      if (cause instanceof Error && cause.message.includes('locked')) throw operational('conflict', `${path} is in use by another process`, { cause });
      throw cause;
    }
    await checkVersion(path, options.version);
    const held = lock;
    return { path, release: () => held.close() };
  } catch (cause) {
    lock?.close();
    if (cause instanceof GantryError) throw cause;
    throw whileTrying(`open the data directory ${path}`, cause);
  }
}
