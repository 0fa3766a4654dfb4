import { expect, test } from 'vitest';
import { interpolate } from './interpolate.ts';

const variables = { SET: 'value', EMPTY: '' };

test.each([
  ['${SET}', 'value'],
  ['$SET!', 'value!'],
  ['${EMPTY:-default}', 'default'],
  ['${EMPTY-default}', ''],
  ['${ABSENT-default}', 'default'],
  ['${ABSENT}', ''],
  ['$$SET', '$SET'],
  ['{{.Task.Slot}} costs 5$', '{{.Task.Slot}} costs 5$'],
])('%s becomes "%s"', (text, expected) => {
  expect(interpolate(text, variables)).toBe(expected);
});

test('a required variable that is missing says why it is wanted', () => {
  expect(() => interpolate('${ABSENT:?the database needs one}', variables)).toThrow('variable ABSENT is required: the database needs one');
});
