import { ClusterNode } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { portHost, portUrl } from './port-host.ts';

function node(addresses: string[], state: 'ready' | 'down' = 'ready') {
  const facts = {
    hostname: 'a',
    operatingSystem: '',
    kernel: '',
    architecture: '',
    cpus: 1,
    memoryBytes: 1,
    cgroupVersion: 'v2',
    agentVersion: '',
    executorVersion: '',
    engineApiVersion: '',
    addresses,
    engineSocket: '',
  };
  return ClusterNode.parse({
    id: 'n'.repeat(25),
    version: 1,
    spec: { name: 'a', labels: {}, availability: 'active' },
    status: { state, message: '', lastSeenAt: null, facts },
    createdAt: '2026-11-24T10:00:00Z',
    updatedAt: '2026-11-24T10:00:00Z',
  });
}

test.each([
  ['on the same machine', '127.0.0.1', [node(['10.0.0.5'])], '127.0.0.1'],
  ['when the page came from a node', '10.0.0.5', [node(['10.0.0.5', '10.0.0.6'])], '10.0.0.5'],
  ['when the control plane is elsewhere', '10.0.0.1', [node(['fd00::5', '10.0.0.5'])], '10.0.0.5'],
  ['when nodes have only IPv6', '10.0.0.1', [node(['fd00::5'])], '[fd00::5]'],
  ['when the node with the address is down', '10.0.0.1', [node(['10.0.0.5'], 'down')], '10.0.0.1'],
  ['by name', 'gantry.example', [node(['10.0.0.5'])], 'gantry.example'],
])('%s', (_, pageHost, nodes, expected) => {
  expect(portHost(pageHost, nodes)).toBe(expected);
});

test('only an allotted TCP port can be opened in a browser', () => {
  const port = { protocol: 'tcp', targetPort: 80, publishedPort: 8088, mode: 'ingress' } as const;
  expect(portUrl('h', port)).toBe('http://h:8088');
  expect(portUrl('h', { ...port, protocol: 'udp' })).toBeUndefined();
  expect(portUrl('h', { ...port, publishedPort: 0 })).toBeUndefined();
});
