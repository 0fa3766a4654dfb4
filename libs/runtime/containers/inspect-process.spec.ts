import { expect, it } from 'vitest';
import { parseHostCpuNs } from './inspect-process.ts';

it('adds up the time of all processors', () => {
  expect(parseHostCpuNs('cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 9 9 9\n')).toBe(360_000_000);
});
