import { expect, test } from 'vitest';
import { access, httpApi } from './index.ts';

const routes = Object.entries(httpApi).flatMap(([group, operations]) =>
  Object.entries(operations).map(([name, operation]) => ({ operation: `${group}.${name}`, ...operation['~orpc'].route })),
);

test('no two operations have one route', () => {
  const paths = routes.map(({ method, path }) => `${method} ${String(path).replaceAll(/\{\w+\}/g, '{}')}`);
  expect(paths.filter((path, index) => paths.indexOf(path) !== index)).toEqual([]);
});

test('every operation is in the access table', () => {
  expect(routes.map(({ operation }) => operation).filter((operation) => !(operation in access))).toEqual([]);
});
