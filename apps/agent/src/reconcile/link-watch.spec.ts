import { expect, test } from 'vitest';
import { LinkWatch } from './link-watch.ts';

test('isolation begins at the loss of the link and ends with its return', () => {
  let time = 100;
  const watch = new LinkWatch({ linkedAt: null, now: 5_000, monotonic: () => time, patienceMs: 80 });
  time = 150;
  expect(watch.isolation).toEqual({ forMs: 50, patienceMs: 30 });
  expect([watch.setLinked(true), watch.setLinked(true)]).toEqual([true, false]);
  expect(watch.isolation).toBeNull();
  time = 200;
  watch.setLinked(false);
  time = 300;
  expect([watch.setLinked(false), watch.isolation]).toEqual([false, { forMs: 100, patienceMs: 0 }]);
});

test('an agent that starts isolated counts from when the one before it was linked, but has patience of its own', () => {
  const watch = new LinkWatch({ linkedAt: 3_000, now: 5_000, monotonic: () => 7, patienceMs: 80 });
  expect(watch.isolation).toEqual({ forMs: 2_000, patienceMs: 80 });
});

test('a clock that was set back since does not make time run backwards', () => {
  expect(new LinkWatch({ linkedAt: 9_000, now: 5_000, monotonic: () => 7, patienceMs: 0 }).isolation?.forMs).toBe(0);
});
