import type { Task } from '@gantry/contracts/http-api';
import { invalid, notFound } from '@gantry/platform/errors';
import type { Client } from '../client.ts';
import { everything } from './show.ts';

/** A task by its id, by "service.slot", or by its container's id; a unique prefix of either id will do. */
export async function findTask(client: Client, reference: string): Promise<Task> {
  const tasks = await everything((cursor) => client.tasks.list({ limit: 1000, ...(cursor ? { cursor } : {}) }));
  const current = tasks.filter((task) => task.desiredState === 'running');
  const byName = current.filter((task) => `${task.serviceName}.${task.slot}` === reference);
  const byId = tasks.filter((task) => task.id.startsWith(reference) || task.status.containerId?.startsWith(reference) === true);
  const [found, ...others] = byName.length > 0 ? byName : byId;
  if (!found) throw notFound(`no task is called ${reference}; \`gantry ps\` lists them`);
  if (others.length > 0) throw invalid(`${reference} fits ${others.length + 1} tasks; give more of the id`);
  return found;
}
