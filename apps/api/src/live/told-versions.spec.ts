import { toSwarmId } from '@gantry/contracts/ids';
import { LiveEvent } from '@gantry/contracts/live';
import { expect, test } from 'vitest';
import { ToldVersions } from './told-versions.ts';

const at = '2026-01-01T00:00:00.000Z';

function stackChanged(number: number, version: number): LiveEvent {
  const id = toSwarmId(Buffer.from(String(number).padStart(25, '0')));
  return LiveEvent.parse({ type: 'stack.changed', stack: { id, version, name: 'shop', services: 1, createdAt: at, updatedAt: at } });
}

test('a version of a record is news once, and an older one never', () => {
  const told = new ToldVersions();
  expect([2, 2, 3, 1, 3, 4].map((version) => told.isNews(stackChanged(1, version)))).toEqual([true, false, true, false, false, true]);
  expect(told.isNews(stackChanged(2, 2))).toBe(true);
});

test('what has no version is always news', () => {
  const told = new ToldVersions();
  expect([told.isNews({ type: 'ready' }), told.isNews({ type: 'ready' })]).toEqual([true, true]);
});

test('records told of long ago are forgotten, so that memory is bounded', () => {
  const told = new ToldVersions();
  for (let number = 0; number <= 10_000; number++) told.isNews(stackChanged(number, 1));
  expect(told.isNews(stackChanged(10_000, 1))).toBe(false);
  expect(told.isNews(stackChanged(0, 1))).toBe(true);
});
