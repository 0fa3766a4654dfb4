import { expect, test } from 'vitest';
import { toPlainText } from './plain-text.ts';

test.each([
  ['\u001b[32mINFO\u001b[0m started', 'INFO started'],
  ['\u001b[1;38;5;208mwarm\u001b[m', 'warm'],
  ['\u001b]8;;https://a.example\u0007link\u001b]8;;\u0007', 'link'],
  ['\u001b[2K\u001b[1Gdone', 'done'],
  ['plain [32m text', 'plain [32m text'],
])('%j reads %j', (line, expected) => {
  expect(toPlainText(line)).toBe(expected);
});
