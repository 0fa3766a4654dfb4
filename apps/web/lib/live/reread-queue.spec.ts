import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RereadQueue } from './reread-queue.ts';

const periodMs = 100;
let queryClient: QueryClient;
let queue: RereadQueue;

beforeEach(() => {
  vi.useFakeTimers();
  queryClient = new QueryClient();
  queue = new RereadQueue(queryClient, periodMs);
});
afterEach(() => {
  queue.close();
  queryClient.clear();
  vi.useRealTimers();
});

/** A query somebody looks at; each read takes as long as it is told to. */
function observe(key: string, readMs: number) {
  let reads = 0;
  const queryFn = async () => {
    reads += 1;
    await new Promise((resolve) => setTimeout(resolve, readMs));
    return reads;
  };
  new QueryObserver(queryClient, { queryKey: [key], queryFn }).subscribe(() => undefined);
  return { reads: () => reads };
}

test('however often it is asked for, a query is read once a period', async () => {
  const watched = observe('a', 0);
  const other = observe('b', 0);
  await vi.advanceTimersByTimeAsync(10);
  for (let event = 0; event < 100; event += 1) queue.add(['a']);
  await vi.advanceTimersByTimeAsync(periodMs);
  expect(watched.reads()).toBe(2);
  expect(other.reads()).toBe(1);
});

test('a read under way is neither cancelled nor trusted: another follows it', async () => {
  const slow = observe('a', 5 * periodMs);
  queue.add(['a']);
  await vi.advanceTimersByTimeAsync(3 * periodMs);
  expect(slow.reads()).toBe(1);
  await vi.advanceTimersByTimeAsync(5 * periodMs);
  expect(queryClient.getQueryData(['a'])).toBe(1);
  expect(slow.reads()).toBe(2);
});

test('closed, it reads nothing any more', async () => {
  const watched = observe('a', 0);
  await vi.advanceTimersByTimeAsync(10);
  queue.add(['a']);
  queue.close();
  await vi.advanceTimersByTimeAsync(10 * periodMs);
  expect(watched.reads()).toBe(1);
});
