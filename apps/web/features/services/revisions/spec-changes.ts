/** One field that differs: its path as a person names it, and what it was and is. */
export interface SpecChange {
  path: string;
  before: string;
  after: string;
}

const absent = '—';
const mostCharacters = 60;

/** What the later spec says differently, field by field, in the order of its paths. */
export function listSpecChanges(before: unknown, after: unknown): SpecChange[] {
  const [was, is] = [new Map(leavesOf(before)), new Map(leavesOf(after))];
  return [...new Set([...was.keys(), ...is.keys()])]
    .map((path) => ({ path, before: was.get(path) ?? absent, after: is.get(path) ?? absent }))
    .filter((change) => change.before !== change.after)
    .sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
}

function leavesOf(value: unknown, path = ''): [string, string][] {
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null) return [[path, shorten(String(value))]];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, toPath(path, key, Array.isArray(value))));
}

function toPath(path: string, key: string, isInArray: boolean): string {
  if (isInArray) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

function shorten(text: string): string {
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters - 1)}…` : text;
}
