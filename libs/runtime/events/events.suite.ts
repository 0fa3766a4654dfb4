import { describe, expect, it } from 'vitest';
import type { Events, RuntimeEvent } from './events.ts';

const draft = (action: string) => ({ type: 'container', action, id: 'c1', attributes: {} }) as const;

async function actions(events: AsyncIterable<RuntimeEvent>, limit = Number.POSITIVE_INFINITY): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    seen.push(event.action);
    if (seen.length >= limit) break;
  }
  return seen;
}

/** What every source of events must do: with a capacity, and a clock in nanoseconds, of the test's choice. */
export function eventsSuite(name: string, open: (options?: { capacity?: number; now?: () => bigint }) => Events): void {
  describe(`events ${name}`, () => {
    it('replays since a moment, then follows', async () => {
      let time = 0n;
      const events = open({ now: () => ++time });
      events.emit(draft('create'));
      events.emit(draft('start'));
      const reading = actions(events.subscribe({ since: 2n }), 3);
      events.emit(draft('die'));
      events.emit(draft('destroy'));
      expect(await reading).toEqual(['start', 'die', 'destroy']);
    });

    it('ends at until when that is past, without waiting', async () => {
      const events = open();
      events.emit(draft('create'));
      expect(await actions(events.subscribe({ since: 0n, until: 1n }))).toEqual([]);
    });

    it('misses nothing between the call and the first read', async () => {
      const events = open();
      const subscription = events.subscribe();
      events.emit(draft('create'));
      expect(await actions(subscription, 1)).toEqual(['create']);
    });

    it('forgets the oldest beyond its capacity', async () => {
      const events = open({ capacity: 2 });
      for (const action of ['a', 'b', 'c']) events.emit(draft(action));
      expect(await actions(events.subscribe({ since: 0n }), 2)).toEqual(['b', 'c']);
    });

    it('ends a reader that falls too far behind', async () => {
      const events = open({ capacity: 2 });
      const subscription = events.subscribe();
      for (const action of ['a', 'b', 'c']) events.emit(draft(action));
      await expect(actions(subscription)).rejects.toThrow('fell 2 events behind');
    });

    it('ends with its signal', async () => {
      const events = open();
      const controller = new AbortController();
      const reading = actions(events.subscribe({ signal: controller.signal }));
      controller.abort();
      expect(await reading).toEqual([]);
    });

    it('tells every reader the same, in one order, with times that only grow', async () => {
      const events = open();
      const readers = [events.subscribe(), events.subscribe()];
      for (const action of ['create', 'start', 'die']) events.emit(draft(action));
      const read = await Promise.all(readers.map((reader) => actions(reader, 3)));
      expect(read).toEqual([
        ['create', 'start', 'die'],
        ['create', 'start', 'die'],
      ]);
      const times: bigint[] = [];
      for await (const { timeNs } of events.subscribe({ since: 0n, until: 2n ** 62n })) {
        times.push(timeNs);
        if (times.length === 3) break;
      }
      expect(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0n))).toBe(true);
    });
  });
}
