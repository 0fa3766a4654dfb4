import { expect, test } from 'vitest';
import { toTable } from './table.ts';

test('lines columns up and leaves no trailing blanks', () => {
  expect(
    toTable(
      ['ID', 'NAME'],
      [
        ['1', 'a'],
        ['22', 'long name'],
      ],
    ),
  ).toBe('ID  NAME\n1   a\n22  long name');
});
