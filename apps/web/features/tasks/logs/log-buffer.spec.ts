import { expect, test } from 'vitest';
import { LogBuffer } from './log-buffer.ts';

const line = (second: number) => ({ stream: 'stdout' as const, at: `2026-11-24T10:00:0${second}.000000000Z`, line: `line ${second}` });
const texts = (buffer: LogBuffer) => buffer.lines.map((held) => held.line);

test('only the newest lines stay', () => {
  const buffer = new LogBuffer(3);
  buffer.add([line(1), line(2)]);
  expect(buffer.hasDropped).toBe(false);
  buffer.add([line(3), line(4)]);
  expect(texts(buffer)).toEqual(['line 2', 'line 3', 'line 4']);
  expect(buffer.lines.map((held) => held.sequence)).toEqual([1, 2, 3]);
  expect(buffer.hasDropped).toBe(true);
});

test('a resumed stream repeats nothing', () => {
  const buffer = new LogBuffer(10);
  buffer.add([line(1), line(2)]);
  const after = buffer.lastAt;
  expect(after).toBe(line(2).at);
  buffer.add([line(2), line(3)], after);
  expect(texts(buffer)).toEqual(['line 1', 'line 2', 'line 3']);
});

test('an unchanged buffer keeps its array', () => {
  const buffer = new LogBuffer(10);
  buffer.add([line(1)]);
  const before = buffer.lines;
  buffer.add([]);
  expect(buffer.lines).toBe(before);
});
