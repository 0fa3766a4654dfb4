import type { Service } from '@gantry/contracts/http-api';
import { invalid, notFound } from '@gantry/platform/errors';
import type { Command } from 'commander';
import { type Client, connect } from '../client.ts';
import { toTable } from '../table.ts';
import { everything } from './show.ts';

export async function findService(client: Client, name: string): Promise<Service> {
  const { items } = await client.services.list({ limit: 1, name });
  const [found] = items;
  if (!found) throw notFound(`no service is called ${name}; \`gantry services\` lists them`);
  return found;
}

async function showRevisions(name: string): Promise<void> {
  const { client } = await connect();
  const { id } = await findService(client, name);
  const revisions = await everything((cursor) => client.services.revisions({ serviceId: id, limit: 1000, ...(cursor ? { cursor } : {}) }));
  const rows = revisions.map(({ revision, isWanted, createdAt, spec }) => [
    String(revision),
    isWanted ? 'wanted' : '',
    createdAt,
    spec.mode.type === 'replicated' ? String(spec.mode.replicas) : spec.mode.type,
    spec.task.image,
  ]);
  console.log(toTable(['REVISION', '', 'MADE', 'TASKS', 'IMAGE'], rows));
}

async function rollBack(name: string, revision: string | undefined): Promise<void> {
  const number = revision === undefined ? undefined : Number(revision);
  if (number !== undefined && (!Number.isInteger(number) || number < 1))
    throw invalid(`"${revision}" is no revision; \`gantry service revisions ${name}\` lists them`);
  const { client } = await connect();
  const { id } = await findService(client, name);
  const service = await client.services.rollback({ serviceId: id, ...(number === undefined ? {} : { revision: number }) });
  console.log(`${name}: the spec of ${number === undefined ? 'the revision before' : `revision ${number}`} is wanted again, as revision ${service.revision}`);
}

const orders = {
  promote: { description: 'let an update go on after its canary', done: 'the update goes on' },
  abort: { description: 'give up an update and go back to the tasks of before', done: 'the tasks of before are wanted again' },
  pause: { description: 'replace no more tasks until the update is resumed', done: 'nothing more is replaced' },
  resume: { description: 'go on with a paused update', done: 'the update goes on' },
} as const;

async function order(name: string, which: keyof typeof orders): Promise<void> {
  const { client } = await connect();
  const { id } = await findService(client, name);
  await client.services[which]({ serviceId: id });
  console.log(`${name}: ${orders[which].done}`);
}

export function addServiceCommands(program: Command): void {
  const service = program.command('service').description("a service's revisions and updates");
  service.command('revisions <service>').description('list what the spec was, newest first').action(showRevisions);
  service.command('rollback <service> [revision]').description('make the spec what it was; the revision before unless told').action(rollBack);
  for (const which of ['promote', 'abort', 'pause', 'resume'] as const)
    service
      .command(`${which} <service>`)
      .description(orders[which].description)
      .action((name: string) => order(name, which));
}
