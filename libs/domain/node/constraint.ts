/** What constraints can ask of a node. */
export interface ConstraintSubject {
  readonly nodeId: string;
  readonly name: string;
  readonly hostname: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface Constraint {
  readonly key: string;
  readonly operator: '==' | '!=';
  readonly value: string;
}

const syntax = /^\s*([A-Za-z0-9_.\-/]+)\s*(==|!=)\s*(.*?)\s*$/;

const readers: Record<string, (node: ConstraintSubject) => readonly string[]> = {
  'node.id': (node) => [node.nodeId],
  'node.name': (node) => [node.name],
  'node.hostname': (node) => [node.hostname],
  'node.ip': (node) => node.addresses,
  'node.platform.os': (node) => [node.operatingSystem],
  'node.platform.arch': (node) => [node.architecture],
  // every node runs tasks and none is more than that
  'node.role': () => ['worker'],
};
const labelPrefix = 'node.labels.';

/** Swarm's syntax: `node.hostname == a`, `node.labels.zone != b`. A string when it is not that: what is wrong with it. */
export function parseConstraint(text: string): Constraint | string {
  const match = syntax.exec(text);
  if (match === null) return `"${text}" is no constraint: expected KEY == VALUE or KEY != VALUE`;
  const [, key = '', operator, value = ''] = match;
  if (!Object.hasOwn(readers, key) && !(key.startsWith(labelPrefix) && key.length > labelPrefix.length)) {
    return `"${key}" can not be asked of a node: expected ${Object.keys(readers).join(', ')} or ${labelPrefix}NAME`;
  }
  if (value === '') return `"${text}" has no value`;
  return { key, operator: operator === '!=' ? '!=' : '==', value };
}

function readValues(key: string, node: ConstraintSubject): readonly string[] {
  const read = Object.hasOwn(readers, key) ? readers[key] : undefined;
  if (read !== undefined) return read(node);
  const label = node.labels[key.slice(labelPrefix.length)];
  return label === undefined ? [] : [label];
}

/** Case does not count, as in Swarm. */
export function satisfies(node: ConstraintSubject, { key, operator, value }: Constraint): boolean {
  const has = readValues(key, node).some((found) => found.toLowerCase() === value.toLowerCase());
  return operator === '==' ? has : !has;
}

/** The label that a preference spreads over: `node.labels.zone` is `zone`. Null when it names no label. */
export function parsePreference(text: string): string | null {
  const match = /^node\.labels\.([A-Za-z0-9_.\-/]+)$/.exec(text.trim());
  return match?.[1] ?? null;
}
