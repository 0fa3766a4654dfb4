import { expect, test } from 'vitest';
import { type ConstraintSubject, parseConstraint, satisfies } from './constraint.ts';
import { planHeartbeatMs } from './liveness.ts';

const node: ConstraintSubject = {
  nodeId: 'abc',
  name: 'front',
  hostname: 'front.example',
  operatingSystem: 'linux',
  architecture: 'x86_64',
  addresses: ['10.0.0.1', '10.0.0.2'],
  labels: { zone: 'A', empty: '' },
};

test.each([
  ['node.id == abc', true],
  ['node.name!=front', false],
  ['node.hostname == FRONT.example', true],
  ['node.ip == 10.0.0.2', true],
  ['node.platform.arch != x86_64', false],
  ['node.labels.zone == a', true],
  ['node.labels.missing != x', true],
  ['node.labels.missing == x', false],
  ['node.role == manager', false],
])('%s is %s', (text, expected) => {
  const constraint = parseConstraint(text);
  expect(typeof constraint === 'string' ? constraint : satisfies(node, constraint)).toBe(expected);
});

test.each([
  ['node.id', 'is no constraint'],
  ['node.colour == red', '"node.colour" can not be asked'],
  ['node.labels. == x', 'can not be asked'],
  ['constructor == x', 'can not be asked'],
  ['node.id == ', 'has no value'],
])('%s is refused: %s', (text, reason) => {
  expect(parseConstraint(text)).toContain(reason);
});

test('heartbeats slow down as the cluster grows, to fifty a second in all', () => {
  expect(planHeartbeatMs(3, 5_000)).toBe(5_000);
  expect(planHeartbeatMs(1_000, 5_000)).toBe(20_000);
});
