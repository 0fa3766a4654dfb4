import { describe, expect, it } from 'vitest';
import { expand, expandWords, splitWords } from './words.ts';

const values: Readonly<Record<string, string>> = { A: 'alpha', EMPTY: '', PATH: '/usr/local/bin:/bin', TWO: 'x y' };
const variables = (name: string) => values[name];

describe('expand', () => {
  it.each([
    ['plain', 'plain'],
    ['$A', 'alpha'],
    ['${A}', 'alpha'],
    ['x${A}y', 'xalphay'],
    ['$UNSET', ''],
    ['\\$A', '$A'],
    ["'$A'", '$A'],
    ['"$A b"', 'alpha b'],
    ['"a\\"b"', 'a"b'],
    ['"a\\nb"', 'a\\nb'],
    ['${UNSET:-d}', 'd'],
    ['${EMPTY:-d}', 'd'],
    ['${EMPTY-d}', ''],
    ['${UNSET-d}', 'd'],
    ['${A:+set}', 'set'],
    ['${EMPTY:+set}', ''],
    ['${EMPTY+set}', 'set'],
    ['${UNSET:-${A}}', 'alpha'],
    ['${A#al}', 'pha'],
    ['${PATH##*/}', 'bin'],
    ['${PATH#*/}', 'usr/local/bin:/bin'],
    ['${PATH%/*}', '/usr/local/bin:'],
    ['${PATH%%:*}', '/usr/local/bin'],
    ['${A/a/b}', 'blpha'],
    ['${A//a/b}', 'blphb'],
    ['100$', '100$'],
  ])('%s → %s', (text, expected) => expect(expand(text, variables)).toBe(expected));

  it.each(['${A', "'open", '"open', '${A:x}', '${}', '${UNSET:?must be set}'])('%s is refused', (text) => expect(() => expand(text, variables)).toThrow());

  it('takes the escape character of the directive', () => expect(expand('`$A C:\\x', variables, '`')).toBe('$A C:\\x'));
});

describe('expandWords', () => {
  it.each([
    ['a b  c', ['a', 'b', 'c']],
    ['"a b" c', ['a b', 'c']],
    ["'a b'c", ['a bc']],
    ['$TWO', ['x', 'y']],
    ['"$TWO"', ['x y']],
    ['p$TWO!', ['px', 'y!']],
    ['a\\ b', ['a b']],
    ['', []],
    ['""', ['']],
  ])('%s', (text, words) => expect(expandWords(text, variables)).toEqual(words));
});

describe('splitWords', () => {
  it.each([
    ['a=b c="d e" f=g\\ h', ['a=b', 'c="d e"', 'f=g\\ h']],
    [`x='a "b'`, [`x='a "b'`]],
  ])('%s', (text, words) => expect(splitWords(text)).toEqual(words));
});
