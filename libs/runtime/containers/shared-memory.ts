import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { whileTrying } from '@gantry/platform/errors';

const run = promisify(execFile);

/** Of a container whose IPC namespace others may join: its /dev/shm is a file system of the host's, because a mount cannot be taken over from inside. */
export const sharedMemoryPath = (directory: string): string => join(directory, 'shm');

/** True of a mount that an earlier agent made, too. */
async function isMounted(path: string): Promise<boolean> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table.split('\n').some((line) => line.split(' ')[4] === path);
}

export async function mountSharedMemory(directory: string, sizeBytes: number): Promise<void> {
  const path = sharedMemoryPath(directory);
  try {
    await mkdir(path, { recursive: true });
    if (!(await isMounted(path))) await run('mount', ['-t', 'tmpfs', '-o', `nosuid,noexec,nodev,mode=1777,size=${sizeBytes}`, 'shm', path]);
  } catch (cause) {
    throw whileTrying(`mount the shared memory ${path}`, cause);
  }
}

/** Containers that joined keep what they see. */
export async function unmountSharedMemory(directory: string): Promise<void> {
  const path = sharedMemoryPath(directory);
  if (await isMounted(path)) await run('umount', [path]);
}
