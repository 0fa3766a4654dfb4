import { NodeId } from '@gantry/contracts/ids';
import { expect, test } from 'vitest';
import { toTimeline } from './timeline.ts';

const nodeId = NodeId.parse('n'.repeat(25));
const createdAt = '2026-11-24T10:00:00.000Z';
const at = '2026-11-24T10:00:05.000Z';

type Status = Parameters<typeof toTimeline>[0]['status'];

const marks = { done: '✓', current: '●', ahead: '○' } as const;

function shape(status: Partial<Status>, on: NodeId | null = nodeId) {
  const full: Status = { state: 'running', message: '', error: null, containerId: null, exitCode: null, ports: [], at, ...status };
  return toTimeline({ status: full, createdAt, nodeId: on })
    .map((step) => `${marks[step.phase]}${step.state}`)
    .join(' ');
}

test('on its way, the rest of the way is shown', () => {
  expect(shape({ state: 'pending' }, null)).toBe('●pending ○assigned ○preparing ○starting ○running');
  expect(shape({ state: 'preparing' })).toBe('✓pending ✓assigned ●preparing ○starting ○running');
  expect(shape({ state: 'running' })).toBe('✓pending ✓assigned ✓preparing ✓starting ●running');
});

test('over, only what it certainly passed is shown', () => {
  expect(shape({ state: 'failed', containerId: 'c', exitCode: 1 })).toBe('✓pending ✓assigned ✓preparing ✓starting ✓running ●failed');
  expect(shape({ state: 'failed', containerId: 'c' })).toBe('✓pending ✓assigned ✓preparing ✓starting ●failed');
  expect(shape({ state: 'rejected' })).toBe('✓pending ✓assigned ✓preparing ●rejected');
  expect(shape({ state: 'shutdown' }, null)).toBe('✓pending ●shutdown');
});

test('the first step has the time of creation, the current one its own', () => {
  const steps = toTimeline({ status: { state: 'assigned', message: '', error: null, containerId: null, exitCode: null, ports: [], at }, createdAt, nodeId });
  expect(steps.map((step) => step.at)).toEqual([createdAt, at, undefined, undefined, undefined]);
});
