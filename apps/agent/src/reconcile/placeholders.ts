import type { AssignedTask } from '@gantry/contracts/agent-link';

const placeholder = /\{\{\s*\.(Task|Service)\.(ID|Name|Slot)\s*\}\}/g;

/** Swarm's placeholders in what differs from task to task: `--env SLOT={{.Task.Slot}}`. What is none of them stays as it is. */
export function fillPlaceholders(text: string, task: AssignedTask): string {
  const values: Readonly<Record<string, string>> = {
    'Task.ID': task.taskId,
    'Task.Name': task.name,
    'Task.Slot': String(task.slot),
    'Service.ID': task.serviceId,
    'Service.Name': task.serviceName,
  };
  return text.replace(placeholder, (whole, subject: string, property: string) => values[`${subject}.${property}`] ?? whole);
}
