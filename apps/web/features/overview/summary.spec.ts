import { ClusterNode, Service } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { toCapacity, toConcerns } from './summary.ts';

const at = '2026-11-24T10:00:00Z';

function node(name: string, state: ClusterNode['status']['state'], message = ''): ClusterNode {
  const facts = {
    hostname: name,
    operatingSystem: 'Debian',
    kernel: '6.1',
    architecture: 'x86_64',
    cpus: 4,
    memoryBytes: 1000,
    cgroupVersion: 'v2',
    agentVersion: '1',
    executorVersion: '1',
    engineApiVersion: '1.49',
    addresses: [],
    engineSocket: '/s',
  };
  return ClusterNode.parse({
    id: name.padEnd(25, '0'),
    version: 1,
    spec: { name, labels: {}, availability: 'active' },
    status: { state, message, lastSeenAt: null, facts: state === 'unknown' ? null : facts },
    createdAt: at,
    updatedAt: at,
  });
}

function service(name: string, state: Service['status']['state'], runningTasks: number, desiredTasks: number, message = ''): Service {
  return Service.parse({
    id: name.padEnd(25, '0'),
    version: 1,
    stackId: null,
    stackName: null,
    spec: { name, task: { image: 'nginx', resources: { reservations: { nanoCpus: 5e8, memoryBytes: 100 } } } },
    ports: [],
    revision: 1,
    status: { state, runningTasks, desiredTasks, message },
    createdAt: at,
    updatedAt: at,
  });
}

test('capacity is that of ready nodes; reserved is what running tasks hold', () => {
  const nodes = [node('a', 'ready'), node('b', 'ready'), node('c', 'down'), node('d', 'unknown')];
  expect(toCapacity(nodes, [service('x', 'converged', 3, 3), service('y', 'pending', 1, 4)])).toEqual({
    cpus: 8,
    memoryBytes: 2000,
    reservedCpus: 2,
    reservedMemoryBytes: 400,
  });
});

test('what needs attention says why, nodes first', () => {
  const nodes = [node('a', 'ready'), node('b', 'down', 'missed its heartbeats'), node('c', 'unknown')];
  const services = [
    service('x', 'converged', 2, 2),
    service('y', 'pending', 0, 1, 'no suitable node'),
    service('z', 'updating', 1, 2),
    service('w', 'converged', 1, 2),
  ];
  expect(toConcerns(nodes, services).map(({ why }) => why)).toEqual(['missed its heartbeats', 'never connected', 'no suitable node', '1 of 2 tasks run']);
});
