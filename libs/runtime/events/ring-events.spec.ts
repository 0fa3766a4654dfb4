import { expect, it } from 'vitest';
import type { RuntimeEvent } from './events.ts';
import { createEvents } from './ring-events.ts';

const draft = (action: string) => ({ type: 'container', action, id: 'c1', attributes: {} }) as const;

async function actions(events: AsyncIterable<RuntimeEvent>, limit = Number.POSITIVE_INFINITY): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    seen.push(event.action);
    if (seen.length >= limit) break;
  }
  return seen;
}

it('replays since a moment, then follows', async () => {
  let time = 0n;
  const events = createEvents({ now: () => ++time });
  events.emit(draft('create'));
  events.emit(draft('start'));
  const reading = actions(events.subscribe({ since: 2n }), 3);
  events.emit(draft('die'));
  events.emit(draft('destroy'));
  expect(await reading).toEqual(['start', 'die', 'destroy']);
});

it('ends at until when that is past, without waiting', async () => {
  const events = createEvents();
  events.emit(draft('create'));
  expect(await actions(events.subscribe({ since: 0n, until: 1n }))).toEqual([]);
});

it('misses nothing between the call and the first read', async () => {
  const events = createEvents();
  const subscription = events.subscribe();
  events.emit(draft('create'));
  expect(await actions(subscription, 1)).toEqual(['create']);
});

it('forgets the oldest beyond its capacity', async () => {
  const events = createEvents({ capacity: 2 });
  for (const action of ['a', 'b', 'c']) events.emit(draft(action));
  expect(await actions(events.subscribe({ since: 0n }), 2)).toEqual(['b', 'c']);
});

it('ends a reader that falls too far behind', async () => {
  const events = createEvents({ capacity: 2 });
  const subscription = events.subscribe();
  for (const action of ['a', 'b', 'c']) events.emit(draft(action));
  await expect(actions(subscription)).rejects.toThrow('fell 2 events behind');
});

it('ends with its signal', async () => {
  const events = createEvents();
  const controller = new AbortController();
  const reading = actions(events.subscribe({ signal: controller.signal }));
  controller.abort();
  expect(await reading).toEqual([]);
});
