import { chmod, chown, mkdir, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { operational, whileTrying } from '@gantry/platform/errors';
import { connectUnix, listenUnix } from '@gantry/platform/node';

/** Id of a group by its name; null when the host has none of that name. */
async function groupId(name: string): Promise<number | null> {
  const groups = await readFile('/etc/group', 'utf8');
  const entry = groups.split('\n').find((line) => line.startsWith(`${name}:`));
  return entry === undefined ? null : Number(entry.split(':')[2]);
}

async function isAnswering(path: string): Promise<boolean> {
  try {
    (await connectUnix(path)).destroy();
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/**
 * Listens on a unix socket that root and members of `group` may use. A socket file left by an engine that is gone is taken over;
 * one that still answers is another engine's.
 */
export async function listenOnSocket(server: Server, path: string, group: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (await isAnswering(path)) throw operational('conflict', `${path} already has an engine listening on it`);
  await rm(path, { force: true });
  await listenUnix(server, path);
  try {
    const gid = await groupId(group);
    await chown(path, 0, gid ?? 0);
    await chmod(path, 0o660);
  } catch (cause) {
    throw whileTrying(`set owner and mode of ${path}`, cause);
  }
}
