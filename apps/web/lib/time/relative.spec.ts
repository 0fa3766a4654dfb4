import { expect, test } from 'vitest';
import { formatRelative } from './relative.ts';

const now = Date.parse('2026-11-24T12:00:00Z');

test.each([
  [0, 'just now'],
  [-4_999, 'just now'],
  [3_000, 'just now'],
  [-42_000, '42s ago'],
  [-119_000, '1m ago'],
  [-7_200_000, '2h ago'],
  [-3 * 86_400_000, '3d ago'],
  [-400 * 86_400_000, '1y ago'],
  [3_600_000, 'in 1h'],
])('%d ms from now is %s', (difference, expected) => {
  expect(formatRelative(now + difference, now)).toBe(expected);
});
