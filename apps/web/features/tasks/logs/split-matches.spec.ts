import { expect, test } from 'vitest';
import { splitMatches } from './split-matches.ts';

const shape = (line: string, wanted: string) =>
  splitMatches(line, wanted)
    .map((part) => (part.isMatch ? `[${part.text}]` : part.text))
    .join('');

test.each([
  ['GET /index GET', 'get', '[GET] /index [GET]'],
  ['aaaa', 'aa', '[aa][aa]'],
  ['nothing here', 'x', 'nothing here'],
  ['İ at İ', 'at', 'İ at İ'],
])('in %j, %j is marked', (line, wanted, expected) => {
  expect(shape(line, wanted)).toBe(expected);
});
