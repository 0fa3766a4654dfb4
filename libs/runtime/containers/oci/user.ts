import { invalid } from '@gantry/platform/errors';

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly home: string;
}

const largestId = 2 ** 32 - 2;

function fields(file: string): string[][] {
  return file
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

/** Strict: what does not fit is an error, never another user (CVE-2024-40635). Null: not a number. */
function parseId(text: string): number | null {
  if (!/^\d+$/.test(text)) return null;
  const id = Number(text);
  if (id > largestId) throw invalid(`uids and gids must be in range 0-${largestId}: ${text.slice(0, 40)}`);
  return id;
}

function findGroup(groups: string[][], text: string): number {
  const known = groups.find(([name]) => name === text)?.[2];
  const id = parseId(known ?? text);
  if (id === null) throw invalid(`unable to find group ${text}: no matching entries in group file`);
  return id;
}

/** `user[:group]`, names or numbers, by the container's own /etc/passwd and /etc/group. A group of one's own leaves only that. */
export function resolveUser(text: string, passwd: string, group: string, groupAdd: readonly string[]): ProcessUser {
  const [userPart = '', groupPart] = text.split(':');
  const users = fields(passwd);
  const groups = fields(group);
  const asked = userPart === '' ? '0' : userPart;
  const numeric = parseId(asked);
  const entry = users.find(([name, , uid]) => name === asked || (numeric !== null && uid === String(numeric)));
  if (entry === undefined && numeric === null) throw invalid(`unable to find user ${asked}: no matching entries in passwd file`);
  const uid = entry === undefined ? (numeric ?? 0) : (parseId(entry[2] ?? '') ?? 0);
  const gid = groupPart === undefined || groupPart === '' ? (parseId(entry?.[3] ?? '0') ?? 0) : findGroup(groups, groupPart);
  const memberships =
    groupPart === undefined || groupPart === ''
      ? groups.filter(([, , , members]) => entry !== undefined && members?.split(',').includes(entry[0] ?? '')).map(([, , id]) => parseId(id ?? '') ?? 0)
      : [];
  // The primary group is always among them (CVE-2022-36109).
  const additionalGids = [...new Set([gid, ...memberships, ...groupAdd.map((name) => findGroup(groups, name))])];
  return { uid, gid, additionalGids, home: entry?.[5] || (uid === 0 ? '/root' : '/') };
}
