import { expect, test } from 'vitest';
import { selectFields } from './select-fields.ts';

const page = { items: [{ id: 1, spec: { name: 'a', task: { image: 'b', env: [] } }, stack: null }], nextCursor: 'c' };

test.each([
  ['id', { id: 1 }],
  ['id,spec.name', { id: 1, spec: { name: 'a' } }],
  ['spec.task.image,spec.name', { spec: { name: 'a', task: { image: 'b' } } }],
  ['spec.name,spec', { spec: page.items[0]?.spec }],
  ['spec,spec.name', { spec: page.items[0]?.spec }],
  ['stack.name', { stack: null }],
])('%s of each item', (fields, item) => {
  expect(selectFields(page, fields)).toEqual({ items: [item], nextCursor: 'c' });
});

test('without fields, and for what is no list, everything', () => {
  expect(selectFields(page, undefined)).toBe(page);
  expect(selectFields({ id: 1 }, 'spec')).toEqual({ id: 1 });
});
