import { expect, test } from 'vitest';
import { checkDependencies, type Dependency, type DependencyStatus, explainWaiting } from './dependencies.ts';

const on = (...services: string[]): Dependency[] => services.map((service) => ({ service, condition: 'healthy' }));
const graph = (entries: Record<string, string[]>) => new Map(Object.entries(entries));

test.each([
  ['of no service', on('db', 'none'), { db: [] }, 'dependsOn.1.service', 'there is no service none'],
  ['twice', on('db', 'db'), { db: [] }, 'dependsOn.1.service', 'db is named twice'],
  ['of itself', on('web'), { web: [] }, 'dependsOn.0.service', 'a service can not wait for itself'],
  ['in a ring', on('api'), { api: ['db'], db: ['web'] }, 'dependsOn.0.service', 'these would wait for each other: web → api → db → web'],
])('a dependency %s is a fault at its field', (_, dependsOn, others, field, message) => {
  expect(checkDependencies({ name: 'web', dependsOn }, graph(others))).toEqual([{ field, message }]);
});

test('what only shares a dependency is no ring, nor is one among others', () => {
  expect(checkDependencies({ name: 'web', dependsOn: on('api', 'db') }, graph({ api: ['db'], db: [], x: ['y'], y: ['x'] }))).toEqual([]);
  expect(checkDependencies({ name: 'web', dependsOn: on('x') }, graph({ x: ['y'], y: ['x'] }))).toEqual([]);
});

const status = (change: Partial<DependencyStatus>): DependencyStatus => ({ desired: 2, started: 0, running: 0, isComplete: false, ...change });

test.each([
  ['started', { started: 1 }, 'waits for service db to start: 1 of 2 tasks have'],
  ['started', { started: 2 }, null],
  ['healthy', { started: 2, running: 1 }, 'waits for service db to be healthy: 1 of 2 tasks are'],
  ['healthy', { started: 2, running: 2 }, null],
  ['healthy', { desired: 0 }, 'waits for service db to be healthy: 0 of 0 tasks are'],
  ['completed', { started: 2, running: 2 }, 'waits for service db to complete'],
  ['completed', { isComplete: true }, null],
] as const)('%s with %j', (condition, change, reason) => {
  expect(explainWaiting([{ service: 'db', condition }], () => status(change))).toBe(reason);
});

test('everything that is missing is said', () => {
  expect(explainWaiting(on('db', 'cache'), (name) => (name === 'db' ? status({}) : null))).toBe(
    'waits for service db to be healthy: 0 of 2 tasks are; waits for service cache, which is not there',
  );
});
