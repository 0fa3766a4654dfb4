import type { Role } from './account.ts';

/** `anyone` needs no sign-in; the others need that role or a higher one. */
export type Access = Role | 'anyone';

/** Who may do what: the one table, read by the server's guard and by whatever greys a button out. */
export const access = {
  'account.signIn': 'anyone',
  'account.signOut': 'anyone',
  'account.current': 'viewer',
  'account.listTokens': 'viewer',
  'account.createToken': 'viewer',
  'account.deleteToken': 'viewer',
  'system.status': 'viewer',
  'deadLetters.list': 'viewer',
  'deadLetters.run': 'operator',
  'nodes.list': 'viewer',
  'nodes.get': 'viewer',
  'nodes.update': 'operator',
  'nodes.remove': 'admin',
  'nodes.containers': 'viewer',
  'nodes.createJoinToken': 'admin',
  'services.list': 'viewer',
  'services.get': 'viewer',
  'services.create': 'operator',
  'services.update': 'operator',
  'services.scale': 'operator',
  'services.revisions': 'viewer',
  'services.rollback': 'operator',
  'services.promote': 'operator',
  'services.abort': 'operator',
  'services.pause': 'operator',
  'services.resume': 'operator',
  'services.remove': 'operator',
  'jobs.runs': 'viewer',
  'jobs.run': 'operator',
  'jobs.cancel': 'operator',
  'jobs.suspend': 'operator',
  'jobs.resume': 'operator',
  'secrets.list': 'viewer',
  'secrets.get': 'viewer',
  'secrets.create': 'operator',
  'secrets.rotate': 'operator',
  'secrets.remove': 'operator',
  'configs.list': 'viewer',
  'configs.get': 'viewer',
  'configs.content': 'viewer',
  'configs.create': 'operator',
  'configs.rotate': 'operator',
  'configs.remove': 'operator',
  'stacks.list': 'viewer',
  'stacks.deploy': 'operator',
  'stacks.remove': 'operator',
  'tasks.list': 'viewer',
  'tasks.get': 'viewer',
  'tasks.logs': 'viewer',
  'tasks.terminal': 'operator',
  'live.follow': 'viewer',
} as const satisfies Record<string, Access>;
export type Operation = keyof typeof access;

const rank: Record<Access, number> = { anyone: 0, viewer: 1, operator: 2, admin: 3 };

export function isAllowed(role: Role | null, operation: Operation): boolean {
  return rank[role ?? 'anyone'] >= rank[access[operation]];
}

export function outranks(role: Role, other: Role): boolean {
  return rank[role] > rank[other];
}
