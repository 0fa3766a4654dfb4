import { expect, test } from 'vitest';
import { LinkWatch } from './link-watch.ts';

test('time alone begins at the loss of the link and ends with its return', () => {
  let time = 100;
  const watch = new LinkWatch({ linkedAt: null, now: 5_000, monotonic: () => time });
  time = 150;
  expect(watch.unlinkedMs).toBe(50);
  expect([watch.setLinked(true), watch.setLinked(true)]).toEqual([true, false]);
  expect(watch.unlinkedMs).toBeNull();
  time = 200;
  watch.setLinked(false);
  time = 230;
  expect([watch.setLinked(false), watch.unlinkedMs]).toEqual([false, 30]);
});

test('an agent that starts alone counts from when the one before it was linked', () => {
  expect(new LinkWatch({ linkedAt: 3_000, now: 5_000, monotonic: () => 7 }).unlinkedMs).toBe(2_000);
});

test('a clock that was set back since does not make time run backwards', () => {
  expect(new LinkWatch({ linkedAt: 9_000, now: 5_000, monotonic: () => 7 }).unlinkedMs).toBe(0);
});
