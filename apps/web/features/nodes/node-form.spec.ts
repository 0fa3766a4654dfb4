import { expect, test } from 'vitest';
import { NodeForm, toNodeChange, toNodeForm } from './node-form.ts';

const messageOf = (labels: string) => NodeForm.safeParse({ name: 'crane-1', labels }).error?.issues[0]?.message;

test('labels go to lines and back', () => {
  const spec = { name: 'crane-1', labels: { zone: 'b', query: 'a=b', bare: '' }, availability: 'active' as const };
  const form = toNodeForm(spec);
  expect(form.labels).toBe('zone=b\nquery=a=b\nbare=');
  expect(toNodeChange(NodeForm.parse(form))).toEqual({ name: 'crane-1', labels: spec.labels });
});

test('spaces and empty lines are no part of a label, and a name alone is one without a value', () => {
  expect(toNodeChange({ name: 'a', labels: '\n  disk = ssd \n\nfast\n' }).labels).toEqual({ disk: 'ssd', fast: '' });
});

test('a line without a name, and a name that is there twice, are told', () => {
  expect(messageOf('=ssd')).toBe('Write each line as name=value');
  expect(messageOf('disk=ssd\ndisk=hdd')).toBe('disk is there twice');
  expect(messageOf('disk=ssd')).toBeUndefined();
});

test('a node has a name', () => {
  expect(NodeForm.safeParse({ name: ' ', labels: '' }).success).toBe(false);
});
