import { expect, test } from 'vitest';
import { parseSchedule, type Schedule } from './schedule.ts';

function schedule(expression: string, timeZone = 'UTC'): Schedule {
  const parsed = parseSchedule(expression, timeZone);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}
const at = (text: string) => Date.parse(text);

/** Every tick in a span, each the first after the one before. */
function ticks(of: Schedule, from: string, to: string): string[] {
  const all: string[] = [];
  for (let tick = of.next(at(from)); tick !== null && tick <= at(to); tick = of.next(tick)) all.push(new Date(tick).toISOString());
  return all;
}

test('a schedule is read in its time zone', () => {
  expect(schedule('0 3 * * *', 'Asia/Tokyo').next(at('2026-01-01T00:00:00Z'))).toBe(at('2026-01-01T18:00:00Z'));
  expect(schedule('0 3 * * *', 'Europe/Berlin').next(at('2026-07-01T00:00:00Z'))).toBe(at('2026-07-01T01:00:00Z'));
});

test('the latest tick is the one at or before a time', () => {
  const hourly = schedule('0 * * * *');
  expect(hourly.latest(at('2026-01-01T05:00:00Z'))).toBe(at('2026-01-01T05:00:00Z'));
  expect(hourly.latest(at('2026-01-01T04:59:59.999Z'))).toBe(at('2026-01-01T04:00:00Z'));
});

test('when clocks change, a daily tick comes once a day', () => {
  const berlin = schedule('30 2 * * *', 'Europe/Berlin');
  expect(ticks(berlin, '2026-03-27T12:00:00Z', '2026-03-31T00:00:00Z')).toHaveLength(3);
  expect(ticks(berlin, '2026-10-23T12:00:00Z', '2026-10-27T00:00:00Z')).toHaveLength(3);
});

test.each([
  ['', 'UTC', 'expected five fields'],
  ['* * *', 'UTC', 'expected five fields'],
  ['61 * * * *', 'UTC', 'is no schedule'],
  ['* * * * mon-foo', 'UTC', 'is no schedule'],
  ['* * * * *', 'Europe/Atlantis', 'is no time zone'],
])('"%s" in %s is refused', (expression, timeZone, message) => {
  expect(parseSchedule(expression, timeZone)).toContain(message);
});
