import { conflict, invalid, notFound, whileTrying } from '@gantry/platform/errors';
import { describe, expect, it } from 'vitest';
import {
  ApiVersion,
  describeDuration,
  describeSize,
  EngineError,
  formatTimestamp,
  matchesName,
  negotiateVersion,
  parseFilters,
  parseGoDuration,
  parseTimestamp,
  toBoolean,
  toEngineError,
} from './index.ts';

describe('negotiateVersion', () => {
  it.each([
    [null, '1.51'],
    ['1.24', '1.24'],
    ['1.41', '1.41'],
    ['1.51', '1.51'],
  ])('%s is answered as %s', (prefix, version) => {
    expect(negotiateVersion(prefix).toString()).toBe(version);
  });

  it.each([
    ['1.52', 'client version 1.52 is too new. Maximum supported API version is 1.51'],
    ['2.0', 'too new'],
    ['1.23', 'client version 1.23 is too old. Minimum supported API version is 1.24'],
    ['1', 'invalid API version'],
    ['1.2.3', 'invalid API version'],
  ])('%s is refused', (prefix, message) => {
    expect(() => negotiateVersion(prefix)).toThrow(message);
  });

  it('compares by number, not by text', () => {
    expect(new ApiVersion(1, 9).isAtLeast(42)).toBe(false);
    expect(new ApiVersion(1, 100).isAtLeast(42)).toBe(true);
  });
});

describe('toBoolean', () => {
  it.each(['', '0', 'no', 'false', 'none', 'False', ' none '])('%j is false', (text) => expect(toBoolean(text, true)).toBe(false));
  it.each(['1', 'True', 't', 'yes', '2'])('%j is true', (text) => expect(toBoolean(text)).toBe(true));
  it('takes the given value when absent', () => expect([toBoolean(null), toBoolean(undefined, true)]).toEqual([false, true]));
});

describe('parseFilters', () => {
  const accepted = ['label', 'name', 'dangling'];
  it.each([
    ['{"label":{"a=b":true,"c":true}}', { label: ['a=b', 'c'] }],
    ['{"label":["a=b","c"],"name":["x"]}', { label: ['a=b', 'c'], name: ['x'] }],
    ['{"dangling":{"true":true}}', { dangling: ['true'] }],
    ['', {}],
    ['null', {}],
  ])('%s', (text, expected) => {
    const filters = parseFilters(text, accepted);
    expect(Object.fromEntries([...filters.keys()].map((key) => [key, filters.get(key)]))).toEqual(expected);
  });

  it.each([
    ['{"zzz":["x"]}', "invalid filter 'zzz'"],
    ['{"label":7}', "invalid filter 'label'"],
    ['[1]', 'invalid filters'],
    ['{', 'invalid filters'],
  ])('%s is refused', (text, message) => expect(() => parseFilters(text, accepted)).toThrow(message));

  it('adds labels up, and takes values of other keys as alternatives', () => {
    const filters = parseFilters('{"label":["a=1","b"],"name":["x","y"]}', accepted);
    expect(filters.matchesLabels({ a: '1', b: '' })).toBe(true);
    expect(filters.matchesLabels({ a: '1' })).toBe(false);
    expect(filters.some('name', (name) => name === 'y')).toBe(true);
    expect(filters.some('name', (name) => name === 'z')).toBe(false);
  });

  it('refuses a boolean that is none', () =>
    expect(() => parseFilters('{"dangling":["maybe"]}', accepted).boolean('dangling', false)).toThrow("invalid filter 'dangling=[maybe]'"));
});

describe('matchesName', () => {
  it.each([
    ['web-1', 'eb', true],
    ['web-1', '^web-\\d$', true],
    ['web-1', '^eb', false],
    ['web(1', '(', true],
    ['web-1', '(a+)+$', false],
  ])('%s ~ %s: %s', (name, wanted, matches) => expect(matchesName(name, wanted)).toBe(matches));
});

describe('time', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  it.each([
    ['1500000000', 1_500_000_000_000_000_000n],
    ['1500000000.5', 1_500_000_000_500_000_000n],
    ['1500000000.000000001', 1_500_000_000_000_000_001n],
    ['10m', BigInt(now - 600_000) * 1_000_000n],
    ['2026-01-01T00:00:00.123456789Z', BigInt(Date.parse('2026-01-01T00:00:00Z')) * 1_000_000n + 123_456_789n],
    ['2026-01-01', BigInt(Date.parse('2026-01-01')) * 1_000_000n],
    ['yesterday', null],
  ])('%s', (text, expected) => expect(parseTimestamp(text, now)).toBe(expected));

  it.each([
    [1_500_000_000_123_000_000n, '2017-07-14T02:40:00.123Z'],
    [1_500_000_000_000_000_000n, '2017-07-14T02:40:00Z'],
  ])('%s prints as %s', (ns, text) => expect(formatTimestamp(ns)).toBe(text));

  it.each([
    ['1h30m', 5400e9],
    ['250ms', 250e6],
    ['1.5s', 1.5e9],
    ['0', 0],
    ['-1s', -1e9],
    ['5', null],
    ['', null],
  ])('duration %s', (text, ns) => expect(parseGoDuration(text)).toBe(ns));

  it.each([
    [500, 'Less than a second'],
    [1000, '1 second'],
    [59_000, '59 seconds'],
    [60_000, 'About a minute'],
    [3_600_000, 'About an hour'],
    [47 * 3_600_000, '47 hours'],
    [72 * 3_600_000, '3 days'],
  ])('%d ms is %s', (ms, words) => expect(describeDuration(ms)).toBe(words));
});

describe('describeSize', () => {
  it.each([
    [0, '0B'],
    [999, '999B'],
    [5_600_000, '5.6MB'],
    [1_234_567_890, '1.235GB'],
  ])('%d is %s', (bytes, words) => expect(describeSize(bytes)).toBe(words));
});

describe('toEngineError', () => {
  it.each([
    [notFound('no such volume: x'), 404, 'no such volume: x'],
    [whileTrying('create network n', conflict('pool overlaps')), 409, 'create network n: pool overlaps'],
    [invalid('bad'), 400, 'bad'],
    [new EngineError(409, 'exact words'), 409, 'exact words'],
    [new TypeError('x is undefined'), 500, 'x is undefined'],
  ])('%s', (error, status, message) => expect(toEngineError(error)).toMatchObject({ status, message }));
});
