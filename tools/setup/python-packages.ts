import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pythonPackages } from '../process/paths.ts';
import { step } from '../process/report.ts';
import { runOrFail } from '../process/run.ts';

const wanted = join(import.meta.dirname, 'python-packages.txt');
/** Put there last, so that what was half installed counts for nothing. */
const installed = join(pythonPackages, 'installed.txt');

const read = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw cause;
  });

/** Into a folder of our own, by hash: the host's Python stays as it is. */
export async function ensurePythonPackages(): Promise<void> {
  if ((await read(installed)) === (await read(wanted))) return;
  await step('Python packages', async () => {
    await rm(pythonPackages, { recursive: true, force: true });
    const options = ['--quiet', '--no-deps', '--require-hashes', '--only-binary', ':all:', '--target', pythonPackages];
    await runOrFail('/usr/bin/python3', ['-m', 'pip', 'install', ...options, '-r', wanted]);
    await cp(wanted, installed);
  });
}
