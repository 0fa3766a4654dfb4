import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { whileTrying } from '@gantry/platform/errors';
import { writeFileDurably } from '@gantry/platform/node';

/** The engine's id in `docker info`: the same for the life of the data directory. */
export async function readEngineId(dataDir: string): Promise<string> {
  const path = join(dataDir, 'engine-id');
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw whileTrying(`read ${path}`, cause);
  }
  const id = randomUUID();
  await writeFileDurably(path, `${id}\n`);
  return id;
}
