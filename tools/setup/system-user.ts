import { Advice } from '../process/report.ts';
import { run } from '../process/run.ts';
import { isRoot } from './debian-packages.ts';

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const name = 'gantry';

async function lookUp(): Promise<SystemUser | null> {
  const { code, output } = await run('getent', ['passwd', name]);
  const [, , uid, gid] = output.split(':');
  return code === 0 ? { name, uid: Number(uid), gid: Number(gid) } : null;
}

/** Postgres refuses to run as root, so root lends it this account; its group may use the engine socket. */
export async function ensureSystemUser(): Promise<SystemUser | null> {
  if (!isRoot()) return null;
  const existing = await lookUp();
  if (existing) return existing;
  const added = await run('useradd', ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', name]);
  const user = await lookUp();
  if (user) return user;
  throw new Advice(`The system user ${name}, which Postgres runs as, could not be made: ${added.output.trim()}`);
}
