import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Advice } from '../process/report.ts';
import { run } from '../process/run.ts';
import { isRoot } from '../setup/debian-packages.ts';

const withoutAgent = 'To run the control plane alone on this host: npm start -- --no-agent';

const isOverlayKnown = async (): Promise<boolean> => /\toverlay$/m.test(await readFile('/proc/filesystems', 'utf8'));

/** Either hierarchy will do; what must be there is a place to put limits. */
async function hasCgroups(): Promise<boolean> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const isV1 = /^\S+ \S+ cgroup \S*\b(memory|pids)\b/m.test(mounts);
  const v2 = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
  const controllers = v2 ? await readFile(`${v2}/cgroup.controllers`, 'utf8').catch(() => '') : '';
  return isV1 || /\b(memory|pids)\b/.test(controllers);
}

/** What an agent needs from the host; each miss is one paragraph that says what to do. */
export async function assertHostRunsContainers(): Promise<void> {
  if (!isRoot()) throw new Advice(`The agent makes namespaces, cgroups and mounts, which needs root. Start with sudo.\n${withoutAgent}`);
  if (!(await isOverlayKnown())) await run('modprobe', ['overlay']).catch(() => undefined);
  if (!(await isOverlayKnown()))
    throw new Advice(`This kernel has no overlayfs, which images are mounted with. Load it (modprobe overlay) or use a kernel that has it.\n${withoutAgent}`);
  if (!(await hasCgroups()))
    throw new Advice(
      `No cgroup controllers are mounted at /sys/fs/cgroup, so containers could not be limited. Mount them (mount -t cgroup2 none /sys/fs/cgroup).\n${withoutAgent}`,
    );
  await access('/proc/self/ns/net', constants.F_OK).catch((cause) => {
    throw new Advice(`This kernel has no network namespaces.\n${withoutAgent}`, { cause });
  });
}

async function nearestExisting(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    const found = await stat(current).catch(() => null);
    if (found?.isDirectory()) return current;
    if (found) throw new Advice(`${current} is a file where the data directory or a parent of it should be. Choose another with --data-dir.`);
  }
}

const neededBytes = 512 * 1024 * 1024;

export async function assertDataDirUsable(path: string): Promise<void> {
  const existing = await nearestExisting(path);
  await access(existing, constants.W_OK | constants.X_OK).catch((cause) => {
    throw new Advice(
      `The data directory ${path} cannot be written by this user. Choose another with --data-dir, or make it yours: chown ${process.getuid?.()} ${path}`,
      { cause },
    );
  });
  const { bavail, bsize } = await statfs(existing);
  if (bavail * bsize < neededBytes)
    throw new Advice(
      `The disk of ${path} has ${Math.floor((bavail * bsize) / 1e6)} MB left; Gantry needs 512 MB to start. Free some, or choose another disk with --data-dir.`,
    );
}

/** Postgres runs as another user; a private parent would hide its own files from it. */
export async function closedParent(path: string): Promise<string | null> {
  for (let current = path; current !== '/'; current = dirname(current)) {
    const found = await stat(current).catch(() => null);
    if (found && (found.mode & 0o001) === 0) return current;
  }
  return null;
}
