import type { Assignments } from '@gantry/contracts/agent-link';
import { expect, test } from 'vitest';
import { applyAssignments, type HeldAssignments } from './assignments.ts';
import { assignedTask, taskId } from './builders.ts';

const one = assignedTask({ taskId: taskId(1) });
const two = assignedTask({ taskId: taskId(2) });
const held: HeldAssignments = { generation: 4, version: 'a', tasks: new Map([[one.taskId, one]]) };

function message(changes: Partial<Assignments>): Assignments {
  return { kind: 'incremental', generation: 4, appliesTo: 'a', resultsIn: 'b', update: [], remove: [], ...changes };
}

test('a complete set replaces what is held, and says what went', () => {
  const applied = applyAssignments(held, message({ kind: 'complete', appliesTo: null, update: [two] }));
  expect(applied).toMatchObject({ outcome: 'applied', changed: [two], removed: [one.taskId], held: { generation: 4, version: 'b' } });
  expect(applied.outcome === 'applied' && [...applied.held.tasks.keys()]).toEqual([two.taskId]);
});

test('a change applies to the version it names', () => {
  const applied = applyAssignments(held, message({ update: [two] }));
  expect(applied.outcome === 'applied' && [...applied.held.tasks.keys()]).toEqual([one.taskId, two.taskId]);
  expect(applyAssignments(held, message({ remove: [one.taskId] }))).toMatchObject({ outcome: 'applied', removed: [one.taskId] });
});

test('a change to another version, or to nothing, is a gap', () => {
  expect(applyAssignments(held, message({ appliesTo: 'z' }))).toEqual({ outcome: 'gap' });
  expect(applyAssignments(null, message({}))).toEqual({ outcome: 'gap' });
});

test('an older generation is refused, a complete set too', () => {
  expect(applyAssignments(held, message({ generation: 3 }))).toEqual({ outcome: 'stale' });
  expect(applyAssignments(held, message({ kind: 'complete', appliesTo: null, generation: 3 }))).toEqual({ outcome: 'stale' });
});
