import { ServiceId } from '@gantry/contracts/ids';
import { expect, test } from 'vitest';
import { assignedTask, taskId } from './builders.ts';
import { planIngress } from './plan-ingress.ts';

const web = ServiceId.parse('s'.repeat(25));
const port = { protocol: 'tcp' as const, targetPort: 80, publishedPort: 8080, mode: 'ingress' as const };

test('one port leads to every local task of the service, in a fixed order', () => {
  const targets = ['10.0.0.3', '10.0.0.2'].map((ipv4, index) => ({ ipv4, task: assignedTask({ taskId: taskId(index), ports: [port] }) }));
  const expected = [
    {
      protocol: 'tcp',
      publishedPort: 8080,
      targets: [
        { ip: '10.0.0.2', port: 80 },
        { ip: '10.0.0.3', port: 80 },
      ],
    },
  ];
  expect(planIngress([], targets)).toEqual(new Map([[web, expected]]));
  expect(planIngress([], targets.toReversed())).toEqual(new Map([[web, expected]]));
});

test('a service without targets here publishes nothing', () => {
  expect(planIngress([web], [])).toEqual(new Map([[web, []]]));
});

test('ports in host mode, or not allotted yet, are not shared', () => {
  const task = assignedTask({
    ports: [
      { ...port, mode: 'host' },
      { ...port, publishedPort: 0 },
    ],
  });
  expect(planIngress([], [{ ipv4: '10.0.0.2', task }]).get(web)).toEqual([]);
});

test('two revisions with different target ports share the published one', () => {
  const targets = [
    { ipv4: '10.0.0.2', task: assignedTask({ taskId: taskId(1), ports: [port] }) },
    { ipv4: '10.0.0.3', task: assignedTask({ taskId: taskId(2), ports: [{ ...port, targetPort: 8000 }] }) },
  ];
  expect(planIngress([], targets).get(web)?.[0]?.targets).toEqual([
    { ip: '10.0.0.2', port: 80 },
    { ip: '10.0.0.3', port: 8000 },
  ]);
});
