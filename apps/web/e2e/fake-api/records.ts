import { randomBytes } from 'node:crypto';
import { ClusterNode, Service, ServiceSpec, Stack, Task } from '@gantry/contracts/http-api';
import { NodeId, ServiceId, StackId, TaskId, toSwarmId } from '@gantry/contracts/ids';

export const makeId = () => toSwarmId(randomBytes(25));
export const now = () => new Date().toISOString();
export const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

export function makeNode(
  name: string,
  change: { state?: ClusterNode['status']['state']; message?: string; cpus?: number; memoryBytes?: number } = {},
): ClusterNode {
  return ClusterNode.parse({
    id: NodeId.parse(makeId()),
    version: 1,
    spec: { name, labels: { zone: 'a' }, availability: 'active' },
    status: {
      state: change.state ?? 'ready',
      message: change.message ?? '',
      lastSeenAt: change.state === 'down' ? ago(420_000) : now(),
      facts: {
        hostname: name,
        operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
        kernel: '6.18.5-cloud-amd64',
        architecture: 'x86_64',
        cpus: change.cpus ?? 8,
        memoryBytes: change.memoryBytes ?? 32 * 1024 ** 3,
        cgroupVersion: 'v2',
        agentVersion: '0.1.0',
        executorVersion: '0.1.0',
        engineApiVersion: '1.49',
        addresses: ['127.0.0.1', 'fd00:10::5'],
        engineSocket: '/var/lib/gantry/run/engine.sock',
      },
    },
    createdAt: ago(9 * 86_400_000),
    updatedAt: now(),
  });
}

export function makeService(spec: unknown, stack?: Stack): Service {
  const parsed = ServiceSpec.parse(spec);
  return Service.parse({
    id: ServiceId.parse(makeId()),
    version: 1,
    stackId: stack?.id ?? null,
    stackName: stack?.name ?? null,
    spec: parsed,
    ports: parsed.ports.map((port, index) => (port.publishedPort === 0 ? { ...port, publishedPort: 30_000 + index } : port)),
    revision: 1,
    status: { desiredTasks: 0, runningTasks: 0, state: 'updating', message: '', update: null },
    createdAt: ago(3 * 86_400_000),
    updatedAt: now(),
  });
}

export function makeStack(name: string): Stack {
  return Stack.parse({ id: StackId.parse(makeId()), version: 1, name, services: 0, createdAt: ago(3 * 86_400_000), updatedAt: now() });
}

export function makeTask(service: Service, slot: number): Task {
  return Task.parse({
    id: TaskId.parse(makeId()),
    version: 1,
    serviceId: service.id,
    serviceName: service.spec.name,
    nodeId: null,
    nodeName: null,
    slot,
    spec: service.spec.task,
    desiredState: 'running',
    status: { state: 'pending', message: 'waiting for the scheduler', error: null, containerId: null, exitCode: null, ports: [], at: now() },
    createdAt: now(),
    updatedAt: now(),
  });
}

export const makeContainerId = () => randomBytes(32).toString('hex');
