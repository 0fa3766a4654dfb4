import { expect, test } from 'vitest';
import { toLabels } from './node.ts';

test('labels are set by name=value and taken away by name-', () => {
  expect(toLabels({ zone: 'a', old: '1', keep: 'x' }, ['zone=b', 'disk=ssd=fast', 'old-', 'none-', 'empty='])).toEqual({
    zone: 'b',
    disk: 'ssd=fast',
    keep: 'x',
    empty: '',
  });
});

test.each(['zone', '=b', '-', ''])('%j is neither', (word) => {
  expect(() => toLabels({}, [word])).toThrow(`"${word}" is neither name=value nor name-`);
});
