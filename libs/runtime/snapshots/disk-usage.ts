import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of file content below a directory, each hard-linked file once. What vanishes meanwhile counts nothing. */
export async function diskUsage(directory: string): Promise<number> {
  const seen = new Set<string>();
  let bytes = 0;
  const pending = [directory];
  for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
    const entries = await opendir(current).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (entries === null) continue;
    for await (const entry of entries) {
      const path = join(current, entry.name);
      const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (found === null) continue;
      if (found.isDirectory()) pending.push(path);
      const inode = `${found.dev}:${found.ino}`;
      if (!found.isFile() || (found.nlink > 1 && seen.has(inode))) continue;
      seen.add(inode);
      bytes += found.size;
    }
  }
  return bytes;
}
