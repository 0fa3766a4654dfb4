import { expect, test } from 'vitest';
import { type Case, holds, measureAll, median } from './bench.ts';

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('a bound is met at its edge', () => {
  expect([holds(0.5, '<= 0.5'), holds(0.51, '<= 0.5'), holds(2, '>= 2')]).toEqual([true, false, true]);
});

const fixed = (name: string, ours: number, rival: Case['rival'], wanted: string | null): Case => ({ name, unit: 'ms', ours: async () => ours, rival, wanted });

test('ours and rival take turns, and turn around every round', async () => {
  const order: string[] = [];
  const note = (name: string) => async () => order.push(name);
  await measureAll([{ name: 'a', unit: 'ms', ours: note('ours'), rival: { name: 'r', measure: note('rival') }, wanted: null }], 2, () => undefined);
  expect(order).toEqual(['ours', 'rival', 'rival', 'ours']);
});

test('rows give the ratio and whether the wish holds', async () => {
  const rows = await measureAll([fixed('start', 2, { name: 'runc', measure: async () => 8 }, '<= 0.3')], 3, () => undefined);
  expect(rows).toEqual([{ case: 'start', unit: 'ms', ours: 2, rival: { name: 'runc', value: 8 }, ratio: 0.25, wanted: '<= 0.3', holds: true }]);
});

test('a rival that is not here keeps its row and says why', async () => {
  const [row] = await measureAll([fixed('start', 2, { name: 'crun', measure: null, missing: 'not installed' }, '<= 1')], 1, () => undefined);
  expect(row).toMatchObject({ ours: 2, rival: { name: 'crun', value: null, missing: 'not installed' }, ratio: null, holds: null });
});

test('a case that fails spares the others and does not hold', async () => {
  const broken: Case = { ...fixed('broken', 0, null, null), ours: () => Promise.reject(new Error('no such file')) };
  const [first, second] = await measureAll([broken, fixed('fine', 1, null, null)], 2, () => undefined);
  expect(first).toMatchObject({ ours: null, holds: false, failed: 'no such file' });
  expect(second).toMatchObject({ ours: 1, holds: null });
});
