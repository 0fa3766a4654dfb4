import { NodeId, ServiceId, StackId, TaskId } from '@gantry/contracts/ids';
import { expect, test } from 'vitest';
import { paths, streamPaths, toLocalPath } from './paths.ts';

const nodeId = NodeId.parse('n'.repeat(25));
const serviceId = ServiceId.parse('s'.repeat(25));
const stackId = StackId.parse('k'.repeat(25));
const taskId = TaskId.parse('t'.repeat(25));

test('all addresses', () => {
  const all = {
    overview: paths.overview(),
    nodes: paths.nodes(),
    node: paths.node(nodeId),
    services: paths.services(),
    servicesOfStack: paths.servicesOfStack(stackId),
    service: paths.service(serviceId),
    secrets: paths.secrets(),
    configs: paths.configs(),
    stacks: paths.stacks(),
    tasks: paths.tasks(),
    task: paths.task(taskId),
    taskLogs: paths.taskLogs(taskId),
    taskTerminal: paths.taskTerminal(taskId),
    account: paths.account(),
    signIn: paths.signIn(),
    signInThen: paths.signInThen('/nodes?x=1&y=2'),
  } satisfies Record<keyof typeof paths, string>;
  expect(all).toMatchInlineSnapshot(`
    {
      "account": "/account",
      "configs": "/configs",
      "node": "/nodes/nnnnnnnnnnnnnnnnnnnnnnnnn",
      "nodes": "/nodes",
      "overview": "/",
      "secrets": "/secrets",
      "service": "/services/sssssssssssssssssssssssss",
      "services": "/services",
      "servicesOfStack": "/services?stack=kkkkkkkkkkkkkkkkkkkkkkkkk",
      "signIn": "/sign-in",
      "signInThen": "/sign-in?next=%2Fnodes%3Fx%3D1%26y%3D2",
      "stacks": "/stacks",
      "task": "/tasks/ttttttttttttttttttttttttt",
      "taskLogs": "/tasks/ttttttttttttttttttttttttt?view=logs",
      "taskTerminal": "/tasks/ttttttttttttttttttttttttt?view=terminal",
      "tasks": "/tasks",
    }
  `);
});

test('all stream addresses', () => {
  const all = {
    health: streamPaths.health(),
    live: streamPaths.live(),
    taskLogs: streamPaths.taskLogs(taskId, { follow: true, tail: 200, since: '2026-11-24T10:00:00.000Z' }),
    taskTerminal: streamPaths.taskTerminal(taskId, { height: 24, width: 80 }),
  } satisfies Record<keyof typeof streamPaths, string>;
  expect(all).toMatchInlineSnapshot(`
    {
      "health": "/healthz",
      "live": "/api/v1/live",
      "taskLogs": "/api/v1/tasks/ttttttttttttttttttttttttt/logs?follow=true&tail=200&since=2026-11-24T10%3A00%3A00.000Z",
      "taskTerminal": "/api/v1/tasks/ttttttttttttttttttttttttt/terminal?height=24&width=80",
    }
  `);
});

test.each([
  ['/nodes/abc?tab=x', '/nodes/abc?tab=x'],
  [null, '/'],
  ['https://evil.example/', '/'],
  ['//evil.example/', '/'],
  ['/\\evil.example/', '/'],
  ['/\t/evil.example/', '/'],
  ['javascript:alert(1)', '/'],
])('after signing in, %j leads to %s', (next, expected) => {
  expect(toLocalPath(next)).toBe(expected);
});
