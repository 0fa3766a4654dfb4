import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../process/paths.ts';
import { step } from '../process/report.ts';
import { runOrFail } from '../process/run.ts';

interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
  readonly link?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}
interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

async function readLock(path: string): Promise<Lockfile | null> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw cause;
  });
  // npm wrote both files; a shape that is not this makes every package look missing, which reinstalls.
  return text === null ? null : (JSON.parse(text) as Lockfile);
}

const libc = JSON.stringify(process.report.getReport()).includes('glibcVersionRuntime') ? 'glibc' : 'musl';

const allows = (wanted: readonly string[] | undefined, here: string): boolean => wanted === undefined || wanted.includes(here);

const fitsHere = ({ os, cpu, libc: wantedLibc }: LockedPackage): boolean =>
  allows(os, process.platform) && allows(cpu, process.arch) && allows(wantedLibc, libc);

/** True when node_modules holds what package-lock.json asks for; npm writes down what it installed in a lockfile of its own. */
export async function isInstalled(): Promise<boolean> {
  const wanted = await readLock(join(root, 'package-lock.json'));
  const found = await readLock(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === null || found === null) return false;
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (!path.includes('node_modules') || !fitsHere(entry)) return true;
    const there = found.packages[path];
    if (there === undefined) return entry.optional === true && entry.os === undefined;
    return there.link === true || there.version === entry.version;
  });
}

/**
 * Not `npm ci`: it refuses a lockfile without the packages of platforms that are not this one, and a registry that mirrors only part of npm
 * leads to such a lockfile. Everything that is in the lockfile is installed as it says, and the file is not touched.
 */
export async function ensureDependencies(): Promise<void> {
  if (await isInstalled()) return;
  await step('npm dependencies', () => runOrFail('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']));
}
