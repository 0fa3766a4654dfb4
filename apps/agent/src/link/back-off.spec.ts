import { expect, test } from 'vitest';
import { backOffMs } from './back-off.ts';

const backOff = { firstMs: 100, longestMs: 8_000 };

test('the range doubles up to the longest and starts at nothing', () => {
  expect([0, 1, 2, 6, 7, 500].map((failures) => backOffMs(backOff, failures, 1))).toEqual([100, 200, 400, 6400, 8000, 8000]);
  expect(backOffMs(backOff, 500, 0)).toBe(0);
  expect(backOffMs(backOff, 3, 0.5)).toBe(400);
});
