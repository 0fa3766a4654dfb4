import { cp, lstat, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Who runs Postgres: it refuses root, so root hands it to `postgres` or, where there is none, `nobody`. */
export interface UnprivilegedUser {
  readonly uid: number;
  readonly gid: number;
}

export async function findUnprivilegedUser(): Promise<UnprivilegedUser | null> {
  if (process.getuid?.() !== 0) return null;
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const account = accounts.find(([name]) => name === wanted);
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new Error('run postgres as root: /etc/passwd names neither "postgres" nor "nobody"');
}

async function isOpenToOthers(directory: string): Promise<boolean> {
  for (let path = directory; ; path = dirname(path)) {
    const { mode } = await stat(path);
    if ((mode & 0o001) === 0) return false;
    if (path === '/') return true;
  }
}

/** The directory itself when any user can enter it, else a copy of it below `scratch`. */
export async function ensureEnterable(directory: string, scratch: string): Promise<string> {
  if (await isOpenToOthers(directory)) return directory;
  const copy = join(scratch, 'native');
  await lstat(copy).catch(async () => {
    await mkdir(copy, { recursive: true, mode: 0o755 });
    await cp(directory, copy, { recursive: true, verbatimSymlinks: true });
  });
  return copy;
}
