import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ServiceSpec } from './service.ts';

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Record<string, JsonSchema>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly oneOf?: JsonSchema[];
  readonly anyOf?: JsonSchema[];
  readonly [keyword: string]: unknown;
}

/** Every place of the spec that holds a value, as `task.mounts.0.source`; a record's values are at `*`. */
function leavesOf(schema: JsonSchema, path = ''): { path: string; schema: JsonSchema }[] {
  const below = (name: string, inner: JsonSchema) => leavesOf(inner, path === '' ? name : `${path}.${name}`);
  const branches = schema.oneOf ?? schema.anyOf;
  if (branches !== undefined) return branches.flatMap((branch) => leavesOf(branch, path));
  if (schema.properties !== undefined) return Object.entries(schema.properties).flatMap(([name, inner]) => below(name, inner));
  if (typeof schema.additionalProperties === 'object') return below('*', schema.additionalProperties);
  if (schema.items !== undefined) return [{ path, schema }, ...below('0', schema.items)];
  return [{ path, schema }];
}

// zod's own type of a JSON Schema, read here by the keywords that it writes
const leaves = leavesOf(z.toJSONSchema(ServiceSpec, { io: 'input' }) as JsonSchema);

function isBounded({ type, maxLength, pattern, maximum, maxItems, ...schema }: JsonSchema): boolean {
  if ('const' in schema || 'enum' in schema || type === 'boolean') return true;
  if (type === 'string') return maxLength !== undefined || pattern !== undefined;
  if (type === 'number' || type === 'integer') return typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER;
  return type === 'array' && maxItems !== undefined;
}

test('every field has a bound', () => {
  expect(leaves.length).toBeGreaterThan(60);
  expect(leaves.filter(({ schema }) => !isBounded(schema)).map(({ path }) => path)).toEqual([]);
});

const long = 'x'.repeat(200_000);
const many = (item: unknown, count = 2_000) => Array.from({ length: count }, () => item);
const keyed = (count: number, value: unknown = 'v') => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]));
const use = { name: 'x' };

/** A wrong value of each field; what else the field's neighbours need comes with it. The error is at the path, or at the record's key. */
const wrong: [path: string, value: unknown, neighbours?: object][] = [
  ['name', 'a b'],
  ['labels.*', long],
  ['labels', keyed(300)],
  ['mode.type', 'batch'],
  ['mode.replicas', 1e9, { type: 'replicated' }],
  ['mode.completions', 0, { type: 'job' }],
  ['mode.parallelism', 1e6, { type: 'job' }],
  ['mode.maxAttempts', 0, { type: 'job' }],
  ['mode.backOffMs', -1, { type: 'job' }],
  ['mode.historyLimit', 0, { type: 'job' }],
  ['mode.schedule', '', { type: 'cron' }],
  ['mode.timeZone', '', { type: 'cron', schedule: '* * * * *' }],
  ['mode.concurrency', 'often', { type: 'cron', schedule: '* * * * *' }],
  ['mode.missed', 'all', { type: 'cron', schedule: '* * * * *' }],
  ['mode.startWithinMs', 1, { type: 'cron', schedule: '* * * * *' }],
  ['mode.isSuspended', 'yes', { type: 'cron', schedule: '* * * * *' }],
  ['dependsOn', many({ service: 'x' })],
  ['dependsOn.0.service', 'a b'],
  ['dependsOn.0.condition', 'dead', { service: 'x' }],
  ['task.image', ''],
  ['task.entrypoint', many('x')],
  ['task.entrypoint.0', long],
  ['task.command', many('x')],
  ['task.command.0', 7],
  ['task.env', many('A=1')],
  ['task.env.0', 'HOME'],
  ['task.workingDir', long],
  ['task.user', long],
  ['task.hostname', 'x'.repeat(64)],
  ['task.labels.*', 7],
  ['task.tty', 'yes'],
  ['task.readOnlyRootfs', 1],
  ['task.stopSignal', long],
  ['task.stopGraceMs', 1e12],
  ['task.healthcheck.test', []],
  ['task.healthcheck.test.0', 7],
  ['task.healthcheck.intervalMs', 0, { test: ['NONE'] }],
  ['task.healthcheck.timeoutMs', 0, { test: ['NONE'] }],
  ['task.healthcheck.startPeriodMs', -1, { test: ['NONE'] }],
  ['task.healthcheck.startIntervalMs', 0, { test: ['NONE'] }],
  ['task.healthcheck.retries', 1e6, { test: ['NONE'] }],
  ['task.mounts', many({ type: 'tmpfs', target: '/x' })],
  ['task.mounts.0.type', 'nfs', { target: '/x' }],
  ['task.mounts.0.source', long, { type: 'bind', target: '/x' }],
  ['task.mounts.0.target', 'x', { type: 'tmpfs' }],
  ['task.mounts.0.readOnly', 'no', { type: 'tmpfs', target: '/x' }],
  ...['secrets', 'configs'].flatMap((list): [string, unknown, object?][] => [
    [`task.${list}`, many(use)],
    [`task.${list}.0.name`, ''],
    [`task.${list}.0.target`, '../x', use],
    [`task.${list}.0.uid`, -1, use],
    [`task.${list}.0.gid`, 2 ** 32, use],
    [`task.${list}.0.mode`, 0o1000, use],
  ]),
  ['task.resources.limits.nanoCpus', 0],
  ['task.resources.limits.memoryBytes', 2 ** 52],
  ['task.resources.limits.pids', 0.5],
  ['task.resources.reservations.nanoCpus', -1],
  ['task.resources.reservations.memoryBytes', '1g'],
  ['task.resources.reservations.generic.*', 0],
  ['task.resources.reservations.generic', keyed(40, 1)],
  ['task.restartPolicy.condition', 'sometimes'],
  ['task.restartPolicy.delayMs', -1],
  ['task.restartPolicy.maxAttempts', 0],
  ['task.restartPolicy.windowMs', 1e12],
  ['task.partition.policy', 'hope'],
  ['task.partition.afterMs', 1, { policy: 'stop' }],
  ['task.placement.constraints', many('node.id == x')],
  ['task.placement.constraints.0', long],
  ['task.placement.maxPerNode', 0],
  ['task.placement.preferences', many('node.labels.zone')],
  ['task.placement.preferences.0', long],
  ['task.placement.strategy', 'random'],
  ['ports', many({ targetPort: 80 })],
  ['ports.0.protocol', 'icmp', { targetPort: 80 }],
  ['ports.0.targetPort', 0],
  ['ports.0.publishedPort', 70_000, { targetPort: 80 }],
  ['ports.0.mode', 'mesh', { targetPort: 80 }],
  ['update.canary.tasks', 0],
  ['update.canary.promotion', 'soon', { tasks: 1 }],
  ['update.parallelism', -1],
  ['update.delayMs', 1e12],
  ['update.order', 'any-first'],
  ['update.monitorMs', -1],
  ['update.maxFailureRatio', 1.5],
  ['update.failureAction', 'panic'],
  ['rebalance', 'sometimes'],
];

function withValue(path: string, value: unknown, neighbours: object): unknown {
  const [first = '', ...rest] = path.split('.');
  const inner = rest.length === 0 ? value : withValue(rest.join('.'), value, neighbours);
  if (first === '0') return [inner];
  return { ...(rest.length === 0 ? neighbours : {}), [first === '*' ? 'key' : first]: inner };
}

function merge(path: string, value: unknown, neighbours: object): object {
  const wrongPart = withValue(path, value, neighbours) as Record<string, unknown>; // paths begin with a property
  const task = { image: 'busybox', ...(wrongPart.task as object | undefined) };
  return { name: 'x', ...wrongPart, task };
}

describe('a wrong value is an error at its path', () => {
  test.each(wrong)('%s', (path, value, neighbours = {}) => {
    const parsed = ServiceSpec.safeParse(merge(path, value, neighbours));
    const at = parsed.error?.issues.map((issue) => issue.path.join('.'));
    expect(at).toContain(path.replace('*', 'key'));
    expect(parsed.error?.issues.every(({ message }) => message.length > 0 && message.length < 500)).toBe(true);
  });
});

test('no field is missing from the table', () => {
  const tried = new Set(wrong.map(([path]) => path));
  expect(leaves.map(({ path }) => path).filter((path) => !tried.has(path))).toEqual([]);
});
