import { isGone } from './place.ts';
import type { Step } from './step.ts';
import type { ServiceWorld } from './world.ts';

/** Tasks end first, rows go after: the service's own row last, so that no task is ever without its service. */
export function planRemoval(world: ServiceWorld): Step[] {
  const steps: Step[] = [];
  let remaining = world.counted.ending;
  for (const task of world.tasks) {
    const { taskId } = task;
    if (isGone(task)) {
      steps.push({ action: 'delete-task', taskId });
      continue;
    }
    remaining += 1;
    if (task.desiredState !== 'remove') steps.push({ action: 'remove-task', taskId });
  }
  if (remaining === 0) steps.push({ action: 'delete-service' });
  else steps.push({ action: 'set-status', desiredTasks: 0, runningTasks: 0, state: 'removing', message: `${remaining} tasks are ending`, update: null });
  return steps;
}
