import type { LiveEvent } from '@gantry/contracts/live';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type EventStream, type FeedState, LiveFeed } from './feed.ts';

class FakeStream implements EventStream {
  onmessage: EventStream['onmessage'] = null;
  onerror: EventStream['onerror'] = null;
  isClosed = false;

  send(event: unknown): void {
    this.onmessage?.({ data: typeof event === 'string' ? event : JSON.stringify(event) });
  }

  close(): void {
    this.isClosed = true;
  }
}

function openFeed(random = 1) {
  const streams: FakeStream[] = [];
  const events: LiveEvent[] = [];
  const states: FeedState[] = [];
  const open = () => {
    const stream = new FakeStream();
    streams.push(stream);
    return stream;
  };
  const feed = new LiveFeed({ open, onEvent: (event) => events.push(event), onState: (state) => states.push(state), random: () => random });
  feed.open();
  return { feed, streams, events, states };
}

const removed = { type: 'node.removed', nodeId: 'n'.repeat(25) };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('it is live once the stream is ready, and passes events on', () => {
  const { streams, events, states } = openFeed();
  expect(states).toEqual(['connecting']);
  streams[0]?.send({ type: 'ready' });
  streams[0]?.send(removed);
  expect(states).toEqual(['connecting', 'live']);
  expect(events).toEqual([{ type: 'ready' }, removed]);
});

test('what it does not understand changes nothing', () => {
  const { streams, events } = openFeed();
  streams[0]?.send({ type: 'moon.changed', moon: 1 });
  streams[0]?.send('{"type":');
  expect(events).toEqual([]);
});

test('a lost stream is opened again, after longer and longer, up to a bound', () => {
  const { streams, states } = openFeed();
  const delays: number[] = [];
  for (let failure = 0; failure < 8; failure += 1) {
    streams.at(-1)?.onerror?.();
    const before = Date.now();
    vi.runOnlyPendingTimers();
    delays.push(Date.now() - before);
  }
  expect(states.at(-1)).toBe('lost');
  expect(streams).toHaveLength(9);
  expect(streams.slice(0, 8).every((stream) => stream.isClosed)).toBe(true);
  expect(delays).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
});

test('a stream that became ready starts the delays over', () => {
  const { streams } = openFeed();
  for (let failure = 0; failure < 4; failure += 1) {
    streams.at(-1)?.onerror?.();
    vi.runOnlyPendingTimers();
  }
  streams.at(-1)?.send({ type: 'ready' });
  streams.at(-1)?.onerror?.();
  vi.advanceTimersByTime(1000);
  expect(streams).toHaveLength(6);
});

test('closed, it opens nothing any more', () => {
  const { feed, streams } = openFeed();
  streams[0]?.onerror?.();
  feed.close();
  vi.runAllTimers();
  expect(streams).toHaveLength(1);
});
