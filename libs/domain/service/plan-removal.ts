import type { Step } from './step.ts';
import { isTerminal } from './task.ts';
import type { ServiceWorld } from './world.ts';

/** Tasks end first, rows go after: the service's own row last, so that no task is ever without its service. */
export function planRemoval(world: ServiceWorld): Step[] {
  const steps: Step[] = [];
  let remaining = 0;
  for (const { taskId, node, state, desiredState } of world.tasks) {
    const isGone = node === 'none' || node === 'lost' || isTerminal(state);
    if (isGone) {
      steps.push({ action: 'delete-task', taskId });
      continue;
    }
    remaining += 1;
    if (desiredState !== 'remove') steps.push({ action: 'remove-task', taskId });
  }
  if (remaining === 0) steps.push({ action: 'delete-service' });
  else steps.push({ action: 'set-status', desiredTasks: 0, runningTasks: 0, state: 'removing', message: `${remaining} tasks are ending` });
  return steps;
}
