import type { AssignedTask } from '@gantry/contracts/agent-link';
import { ServiceId, TaskId } from '@gantry/contracts/ids';

const taskIdLabel = 'gantry.task.id';
const serviceIdLabel = 'gantry.service.id';

/** By which a task's container is found again, whoever looks; Swarm's own names too, which other tools group containers by. */
export function toTaskLabels(task: AssignedTask): Record<string, string> {
  return {
    ...task.spec.labels,
    [taskIdLabel]: task.taskId,
    'gantry.task.name': task.name,
    [serviceIdLabel]: task.serviceId,
    'gantry.service.name': task.serviceName,
    ...(task.stackName === null ? {} : { 'gantry.stack.name': task.stackName, 'com.docker.stack.namespace': task.stackName }),
    'com.docker.swarm.task.id': task.taskId,
    'com.docker.swarm.task.name': task.name,
    'com.docker.swarm.service.id': task.serviceId,
    'com.docker.swarm.service.name': task.serviceName,
  };
}

/** Whether a container with these labels is this task's. */
export function belongsToTask(labels: Readonly<Record<string, string>>, taskId: TaskId): boolean {
  return labels[taskIdLabel] === taskId;
}

/** Null: not a task's container. A label that is not an id was put there by somebody else. */
export function fromTaskLabels(labels: Readonly<Record<string, string>>): { taskId: TaskId; serviceId: ServiceId | null } | null {
  const taskId = TaskId.safeParse(labels[taskIdLabel]);
  if (!taskId.success) return null;
  return { taskId: taskId.data, serviceId: ServiceId.safeParse(labels[serviceIdLabel]).data ?? null };
}
