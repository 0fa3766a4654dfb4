import { createHash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { root } from '../process/paths.ts';

const skipped = new Set(['node_modules', 'dist', 'target', '.next', '.nx', 'generated', 'e2e', 'test', 'next-env.d.ts', 'tsconfig.tsbuildinfo']);

async function* files(path: string): AsyncGenerator<string> {
  const found = await lstat(path).catch(() => null);
  if (found?.isFile()) yield path;
  if (!found?.isDirectory()) return;
  for (const name of (await readdir(path)).sort()) if (!skipped.has(name)) yield* files(join(path, name));
}

const isTest = (path: string): boolean => /\.(spec|test|suite)\.tsx?$/.test(path);

/** One hash over the names and contents of everything below `inputs`, tests aside; independent of times and of where the clone is. */
export async function inputHash(inputs: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const input of inputs)
    for await (const path of files(join(root, input))) {
      if (isTest(path)) continue;
      const content = await readFile(path);
      hash.update(`${relative(root, path)}\0${content.length}\0`).update(content);
    }
  return hash.digest('hex');
}
