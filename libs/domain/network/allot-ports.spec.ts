import { PublishedPort } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { allotPorts, firstAllottedPort, type TakenPort } from './allot-ports.ts';

function port(targetPort: number, publishedPort = 0, mode: PublishedPort['mode'] = 'ingress'): PublishedPort {
  return PublishedPort.parse({ targetPort, publishedPort, mode });
}

function taken(publishedPort: number, mode: PublishedPort['mode'] = 'ingress'): TakenPort {
  return { owner: 'other', protocol: 'tcp', publishedPort, mode };
}

test('a port nobody chose is the lowest free one, and stays', () => {
  const first = allotPorts([port(80), port(81)], [], [taken(firstAllottedPort)]);
  expect(first).toMatchObject({ ports: [{ publishedPort: firstAllottedPort + 1 }, { publishedPort: firstAllottedPort + 2 }] });
  const again = allotPorts([port(81)], first.kind === 'allotted' ? first.ports : [], []);
  expect(again).toMatchObject({ ports: [{ targetPort: 81, publishedPort: firstAllottedPort + 2 }] });
});

test('an ingress port belongs to one service, host ports may repeat', () => {
  expect(allotPorts([port(80, 8080)], [], [taken(8080)])).toEqual({ kind: 'refused', index: 0, reason: 'port 8080/tcp is published by service other' });
  expect(allotPorts([port(80, 8080)], [], [taken(8080, 'host')]).kind).toBe('refused');
  expect(allotPorts([port(80, 8080, 'host')], [], [taken(8080, 'host')]).kind).toBe('allotted');
  expect(allotPorts([port(80, 8080), port(81, 8080)], [], [])).toMatchObject({ kind: 'refused', index: 1 });
});

test('when the range is full it says so', () => {
  const all = Array.from({ length: 2_768 }, (_, index) => taken(firstAllottedPort + index));
  expect(allotPorts([port(80)], [], all)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('no tcp port from 30000 to 32767') });
});
