import { randomBytes } from 'node:crypto';
import { AssignedTask } from '@gantry/contracts/agent-link';
import { ServiceId, TaskId, toSwarmId } from '@gantry/contracts/ids';

export const newServiceId = (): ServiceId => ServiceId.parse(toSwarmId(randomBytes(25)));

export function assignedTask(changes: Omit<Partial<AssignedTask>, 'spec'> & { spec?: object } = {}): AssignedTask {
  const taskId = TaskId.parse(toSwarmId(randomBytes(25)));
  return AssignedTask.parse({
    taskId,
    serviceId: newServiceId(),
    serviceName: 'web',
    stackName: null,
    name: `web.1.${taskId}`,
    slot: 1,
    desiredState: 'running',
    ports: [],
    ...changes,
    spec: { image: 'busybox:test', stopGraceMs: 1_000, ...changes.spec },
  });
}
