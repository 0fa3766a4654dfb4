import { expect, test } from 'vitest';
import { listSpecChanges } from './spec-changes.ts';

test('names each field that differs, by its path', () => {
  const before = { task: { image: 'nginx:1.26', env: ['A=1', 'B=2'] }, mode: { type: 'replicated', replicas: 2 } };
  const after = { task: { image: 'nginx:1.27', env: ['A=1'] }, mode: { type: 'replicated', replicas: 10 } };
  expect(listSpecChanges(before, after)).toEqual([
    { path: 'mode.replicas', before: '2', after: '10' },
    { path: 'task.env[1]', before: 'B=2', after: '—' },
    { path: 'task.image', before: 'nginx:1.26', after: 'nginx:1.27' },
  ]);
});

test('says nothing of what is alike', () => {
  expect(listSpecChanges({ a: { b: null, c: [] } }, { a: { b: null, c: [] } })).toEqual([]);
});

test('a field that came is told from one that went', () => {
  expect(listSpecChanges({}, { update: null })).toEqual([{ path: 'update', before: '—', after: 'null' }]);
});

test('cuts long values short', () => {
  expect(listSpecChanges({ a: '' }, { a: 'x'.repeat(500) })[0]?.after).toHaveLength(60);
});
