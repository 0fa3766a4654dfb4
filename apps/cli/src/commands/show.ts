import type { Service, Task } from '@gantry/contracts/http-api';
import { type Client, connect } from '../client.ts';
import { toTable } from '../table.ts';

/** Follows the cursor to the end of a list. */
export async function everything<Item>(page: (cursor: string | undefined) => Promise<{ items: Item[]; nextCursor: string | null }>): Promise<Item[]> {
  const all: Item[] = [];
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await page(cursor);
    all.push(...items);
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return all;
}

const tasksOf = (client: Client): Promise<Task[]> => everything((cursor) => client.tasks.list({ limit: 1000, ...(cursor ? { cursor } : {}) }));

const portsOf = (ports: Service['ports']): string => ports.map((port) => `${port.publishedPort}->${port.targetPort}/${port.protocol}`).join(', ');

const updateOf = (update: Service['status']['update']): string => (update === null ? '' : `${update.state} ${update.replacedTasks}/${update.totalTasks}`);

export async function showTasks({ all }: { all: boolean }): Promise<void> {
  const { client } = await connect();
  const tasks = (await tasksOf(client)).filter((task) => all || task.desiredState === 'running');
  const rows = tasks.map(({ id, serviceName, slot, nodeName, status, spec }) => [
    id,
    `${serviceName}.${slot}`,
    spec.image,
    nodeName ?? '',
    status.state,
    status.containerId?.slice(0, 12) ?? '',
    status.error ?? status.message,
  ]);
  console.log(toTable(['ID', 'TASK', 'IMAGE', 'NODE', 'STATE', 'CONTAINER', ''], rows));
}

export async function showServices(): Promise<void> {
  const { client } = await connect();
  const services = await everything((cursor) => client.services.list({ limit: 1000, ...(cursor ? { cursor } : {}) }));
  const rows = services.map(({ spec, status, stackName, ports }) => [
    spec.name,
    stackName ?? '',
    `${status.runningTasks}/${status.desiredTasks}`,
    status.state,
    updateOf(status.update),
    portsOf(ports),
    status.message,
  ]);
  console.log(toTable(['SERVICE', 'STACK', 'TASKS', 'STATE', 'UPDATE', 'PORTS', ''], rows));
}

export async function showNodes(): Promise<void> {
  const { client } = await connect();
  const nodes = await everything((cursor) => client.nodes.list({ limit: 1000, ...(cursor ? { cursor } : {}) }));
  console.log(
    toTable(
      ['ID', 'NODE', 'STATE', 'AVAILABILITY', ''],
      nodes.map(({ id, spec, status }) => [id, spec.name, status.state, spec.availability, status.message]),
    ),
  );
}
