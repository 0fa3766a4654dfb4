import type { Service, Task } from '@gantry/contracts/http-api';
import { type Client, connect } from '../client.ts';
import { findTask } from './find-task.ts';
import { everything } from './show.ts';

/** Reasons are joined by semicolons where they are written; a person reads them one a line. */
const indented = (text: string, by: string): string[] => text.split('; ').map((line) => `${by}${line}`);

function describeTask({ serviceName, slot, id, nodeName, desiredState, status }: Task, by = ''): string[] {
  const ended = desiredState === 'running' ? '' : ', and is not wanted any more';
  const where = nodeName === null ? '' : ` on ${nodeName}`;
  const code = status.exitCode === null ? '' : ` (exit code ${status.exitCode})`;
  const reasons = [status.message, status.error ?? ''].filter((text) => text !== '');
  return [`${by}${serviceName}.${slot} (${id}) is ${status.state}${where}${code}${ended}`, ...reasons.flatMap((text) => indented(text, `${by}  `))];
}

async function describeService(client: Client, { id, spec, status }: Service): Promise<string[]> {
  const { runningTasks, desiredTasks, state, message, update } = status;
  const progress = update === null ? [] : [`  update: ${update.state}, ${update.replacedTasks} of ${update.totalTasks} tasks replaced`];
  const head = [`${spec.name} is ${state}: ${runningTasks} of ${desiredTasks} tasks run`, ...(message === '' ? [] : indented(message, '  ')), ...progress];
  const tasks = await everything((cursor) => client.tasks.list({ serviceId: id, desiredState: 'running', limit: 1000, ...(cursor ? { cursor } : {}) }));
  const others = tasks.filter((task) => task.status.state !== 'running');
  // tasks that say the same are told once
  const byReason = Map.groupBy(others, ({ status: { state: at, message: text, error } }) => `${at}\n${text}\n${error}`);
  return [
    ...head,
    ...[...byReason.values()].flatMap(([first, ...alike]) => {
      if (first === undefined) return [];
      return [...describeTask(first, '  '), ...(alike.length === 0 ? [] : [`    and ${alike.length} more like it`])];
    }),
  ];
}

/** Why a task or a service is as it is, in words. */
export async function showWhy(reference: string): Promise<void> {
  const { client } = await connect();
  const [service] = (await client.services.list({ limit: 1, name: reference })).items;
  console.log((service === undefined ? describeTask(await findTask(client, reference)) : await describeService(client, service)).join('\n'));
}
