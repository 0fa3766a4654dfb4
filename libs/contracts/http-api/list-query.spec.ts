import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { parseLabelFilter } from './list-query.ts';
import { NodeListQuery } from './node.ts';
import { ServiceListQuery } from './service.ts';
import { TaskListQuery } from './task.ts';

const faultsOf = (query: z.ZodType, input: object) => query.safeParse(input).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('fields', () => {
  test.each([
    [ServiceListQuery, 'id,spec.name,spec.mode.replicas,spec.mode.schedule,status.update.state,spec.labels.team'],
    [NodeListQuery, 'spec.labels,status.facts.cpus'],
    [TaskListQuery, 'serviceName,status.state,spec.image'],
  ])('of an item and of all its parts (%#)', (query, fields) => {
    expect(faultsOf(query, { fields })).toEqual([]);
  });

  test.each([
    ['id,nope', 'nope'],
    ['spec.nope', 'spec.nope'],
    ['id.inner', 'id.inner'],
    ['spec.ports.0', 'spec.ports.0'],
    ['', ''],
    ['id,', ''],
    ['constructor', 'constructor'],
    ['spec.toString', 'spec.toString'],
  ])('%j is refused', (fields, named) => {
    expect(faultsOf(ServiceListQuery, { fields })).toEqual([`fields: there is no field "${named}"`]);
  });

  test('too many are refused', () => {
    expect(faultsOf(ServiceListQuery, { fields: 'id,'.repeat(100).slice(0, -1) })).toEqual(['fields: expected at most 64 fields']);
  });
});

test('labels are names, or names with values', () => {
  expect(parseLabelFilter('zone=a=b,disk,empty=')).toEqual([
    { name: 'zone', value: 'a=b' },
    { name: 'disk', value: null },
    { name: 'empty', value: '' },
  ]);
  expect(faultsOf(NodeListQuery, { label: 'zone=a,=b' })).toEqual(['label: expected NAME or NAME=VALUE, with commas between them']);
  expect(faultsOf(NodeListQuery, { label: 'a,'.repeat(20).slice(0, -1) })).toEqual(['label: expected at most 16 labels']);
});

test.each([
  [NodeListQuery, { state: 'asleep' }, 'state'],
  [NodeListQuery, { availability: 'gone' }, 'availability'],
  [ServiceListQuery, { state: 'asleep' }, 'state'],
  [ServiceListQuery, { mode: 'batch' }, 'mode'],
  [ServiceListQuery, { namePrefix: '' }, 'namePrefix'],
  [ServiceListQuery, { nodeId: 'x' }, 'nodeId'],
  [TaskListQuery, { state: 'asleep' }, 'state'],
  [TaskListQuery, { run: 0 }, 'run'],
])('a filter that can not be is an error at its name (%#)', (query, input, field) => {
  expect(faultsOf(query, input).map((fault) => fault.split(':')[0])).toEqual([field]);
});
