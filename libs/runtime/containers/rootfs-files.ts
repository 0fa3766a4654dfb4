import { lstatSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { ExecutorRequest } from '@gantry/contracts/executor';
import { readTar } from '@gantry/oci/tar';
import { hasCode, operational } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';

type RootfsRef = ExecutorRequest<'archive.read'>['rootfs'];

const maxFileBytes = 4 * 1024 * 1024;
const maxLinks = 8;

/** A small text file of a container's root, '' when there is none. Symlinks are followed inside the root. */
export async function readRootfsFile(executor: Executor, rootfs: RootfsRef, path: string): Promise<string> {
  let current = path;
  for (let link = 0; link < maxLinks; link++) {
    try {
      const { tar } = await executor.readArchive({ rootfs, path: current });
      for await (const entry of readTar(tar)) {
        if (entry.type === 'symlink') {
          current = posix.resolve(posix.dirname(current), entry.linkName);
          break;
        }
        if (entry.type !== 'file') return '';
        if (entry.sizeBytes > maxFileBytes) throw operational('too-large', `${path} in the container has ${entry.sizeBytes} bytes`);
        const parts: Buffer[] = [];
        for await (const part of entry.body) parts.push(part);
        return Buffer.concat(parts).toString('utf8');
      }
    } catch (error) {
      if (hasCode(error, 'not-found')) return '';
      throw error;
    }
  }
  return '';
}

export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

/**
 * /etc/passwd and /etc/group of a container. As long as its own layer has no /etc they are the image's, and read once per image.
 */
export function createAccountReader(executor: Executor) {
  const byImage = new Map<string, AccountFiles>();
  const maxCached = 256;

  return async (rootfs: RootfsRef, layer: { upperDir: string; chainId: string | null }): Promise<AccountFiles> => {
    const isImages = lstatSync(join(layer.upperDir, 'etc'), { throwIfNoEntry: false }) === undefined;
    const key = layer.chainId ?? '';
    const cached = isImages ? byImage.get(key) : undefined;
    if (cached !== undefined) return cached;
    const files = { passwd: await readRootfsFile(executor, rootfs, '/etc/passwd'), group: await readRootfsFile(executor, rootfs, '/etc/group') };
    if (isImages && byImage.size < maxCached) byImage.set(key, files);
    return files;
  };
}
