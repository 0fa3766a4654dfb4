import type { TaskStatusReport } from '@gantry/contracts/agent-link';
import { TaskId } from '@gantry/contracts/ids';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StatusOutbox } from './status-outbox.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Channel {
  isCongested = false;
  readonly sent: TaskStatusReport[][] = [];
  sendStatuses(statuses: TaskStatusReport[]) {
    this.sent.push(statuses);
  }
}

function status(number: number, state: TaskStatusReport['state'] = 'running'): TaskStatusReport {
  const taskId = TaskId.parse(String(number).padStart(25, '0'));
  return { taskId, state, at: '2026-01-01T00:00:00Z', message: '', error: null, containerId: null, exitCode: null, ports: [] };
}

test('statuses travel in batches, the latest of each task', () => {
  const channel = new Channel();
  const outbox = new StatusOutbox();
  outbox.open(channel, []);
  outbox.put(status(1, 'preparing'));
  outbox.put(status(2));
  outbox.put(status(1, 'running'));
  expect(channel.sent).toEqual([]);
  vi.runAllTimers();
  expect(channel.sent).toEqual([[status(1, 'running'), status(2)]]);
});

test('a new session is told everything again, at most 1000 at a time', () => {
  const channel = new Channel();
  new StatusOutbox().open(
    channel,
    Array.from({ length: 2500 }, (_, index) => status(index)),
  );
  vi.runAllTimers();
  expect(channel.sent.map(({ length }) => length)).toEqual([1000, 1000, 500]);
});

test('a congested socket is spared, and nothing is lost', () => {
  const channel = new Channel();
  const outbox = new StatusOutbox();
  outbox.open(channel, [status(1)]);
  channel.isCongested = true;
  vi.advanceTimersByTime(1000);
  expect(channel.sent).toEqual([]);
  channel.isCongested = false;
  vi.runAllTimers();
  expect(channel.sent).toEqual([[status(1)]]);
});

test('without a session nothing piles up', () => {
  const channel = new Channel();
  const outbox = new StatusOutbox();
  outbox.open(channel, []);
  outbox.close();
  outbox.put(status(1));
  outbox.open(channel, []);
  vi.runAllTimers();
  expect(channel.sent).toEqual([]);
});
