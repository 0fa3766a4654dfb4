import type { Task } from '@gantry/contracts/http-api';

/** As `docker service ps` prints it; the tasks of a global service have no slot of their own. */
export function taskName(task: Pick<Task, 'serviceName' | 'slot'>): string {
  return task.slot > 0 ? `${task.serviceName}.${task.slot}` : task.serviceName;
}
