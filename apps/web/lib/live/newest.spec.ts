import { expect, test } from 'vitest';
import { keepNewest } from './newest.ts';

const record = (id: string, version: number) => ({ id, version, label: `${id} at ${version}` });

test('a record is replaced only by its own newer or equal version', () => {
  expect(keepNewest(record('a', 3), record('a', 2))).toEqual(record('a', 3));
  expect(keepNewest(record('a', 3), record('a', 4))).toEqual(record('a', 4));
  expect(keepNewest(record('a', 3), record('b', 1))).toEqual(record('b', 1));
});

test('a page takes membership and order from the answer, and each record from the newer side', () => {
  const held = { items: [record('a', 5), record('b', 1), record('gone', 1)], nextCursor: null };
  const incoming = { items: [record('b', 2), record('a', 4), record('new', 1)], nextCursor: 'c' };
  expect(keepNewest(held, incoming)).toEqual({ items: [record('b', 2), record('a', 5), record('new', 1)], nextCursor: 'c' });
});

test('what did not change keeps its identity', () => {
  const held = { items: [record('a', 1), record('b', 1)], nextCursor: null };
  expect(keepNewest(held, structuredClone(held))).toBe(held);
});

test('anything else is taken as it comes', () => {
  expect(keepNewest(undefined, record('a', 1))).toEqual(record('a', 1));
  expect(keepNewest({ items: [{ name: 'x' }] }, { items: [{ name: 'y' }] })).toEqual({ items: [{ name: 'y' }] });
});
