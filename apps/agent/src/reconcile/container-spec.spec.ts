import { AssignedTask } from '@gantry/contracts/agent-link';
import { ContainerSpec } from '@gantry/runtime/containers';
import { expect, test } from 'vitest';
import { toContainerSpec } from './container-spec.ts';

const task = AssignedTask.parse({
  taskId: '1'.repeat(25),
  serviceId: 's'.repeat(25),
  serviceName: 'web',
  stackName: 'shop',
  name: 'web.1',
  slot: 1,
  desiredState: 'running',
  ports: [
    { targetPort: 80, publishedPort: 8080 },
    { targetPort: 81, publishedPort: 8081, mode: 'host' },
    { targetPort: 81, publishedPort: 8082, mode: 'host' },
  ],
  spec: {
    image: 'demo:1',
    command: ['serve'],
    labels: { 'gantry.task.id': 'mine', tier: 'front' },
    stopGraceMs: 1500,
    mounts: [{ type: 'volume', source: 'files', target: '/files' }],
    resources: { limits: { memoryBytes: 1024, nanoCpus: 5 }, reservations: { nanoCpus: 0, memoryBytes: 512 } },
  },
});

test('a task becomes a container spec the runtime accepts', () => {
  const spec = ContainerSpec.parse(toContainerSpec(task));
  expect(spec).toMatchObject({ image: 'demo:1', entrypoint: null, cmd: ['serve'], stopTimeoutSeconds: 2, exposedPorts: ['80/tcp', '81/tcp'] });
  expect(spec.hostConfig).toMatchObject({
    restartPolicy: { name: 'no' },
    mounts: [{ type: 'volume', source: 'files', target: '/files' }],
    resources: { memory: 1024, memoryReservation: 512, nanoCpus: 5 },
  });
});

test('only ports in host mode are bound by the container itself', () => {
  expect(toContainerSpec(task).hostConfig?.portBindings).toEqual({ '81/tcp': [{ hostPort: '8081' }, { hostPort: '8082' }] });
});

test("a user's label can not pass a container off as another task's", () => {
  expect(toContainerSpec(task).labels).toMatchObject({ 'gantry.task.id': task.taskId, tier: 'front', 'com.docker.stack.namespace': 'shop' });
});

test("Swarm's placeholders are filled in the environment and the host name, and nothing else in braces is touched", () => {
  const templated = {
    ...task,
    spec: { ...task.spec, env: ['SLOT={{.Task.Slot}}', 'FORMAT={{.Names}} {{.Service.Slot}}'], hostname: '{{.Service.Name}}-{{ .Task.Slot }}' },
  };
  expect(toContainerSpec(templated)).toMatchObject({ env: ['SLOT=1', 'FORMAT={{.Names}} {{.Service.Slot}}'], hostname: 'web-1' });
});
