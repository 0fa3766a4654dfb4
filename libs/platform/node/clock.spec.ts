import { expect, it } from 'vitest';
import { formatNs, nowNs, parseNs } from './clock.ts';

it('formats and parses nanoseconds', () => {
  expect(formatNs(1_700_000_000_000_000_042n)).toBe('2023-11-14T22:13:20.000000042Z');
  expect(parseNs('2023-11-14T22:13:20.000000042Z')).toBe(1_700_000_000_000_000_042n);
  expect(parseNs('2023-11-14T23:13:20.5+01:00')).toBe(1_700_000_000_500_000_000n);
  expect(parseNs('yesterday')).toBeNull();
  expect(parseNs('2023-13-40T00:00:00Z')).toBeNull();
});

it('never repeats a moment', () => {
  const moments = Array.from({ length: 1000 }, () => nowNs());
  for (const [index, moment] of moments.entries()) {
    if (index > 0) expect(moment).toBeGreaterThan(moments[index - 1] ?? 0n);
  }
});
