import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { invalid, whileTrying } from '@gantry/platform/errors';
import { connect } from '../client.ts';
import { interpolate } from '../interpolate.ts';
import { findService } from './service.ts';

/** Compose's rule: the stack is named after the file's folder unless told. */
const nameFrom = (file: string): string =>
  basename(dirname(resolve(file)))
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '');

export async function deploy(file: string, { name = nameFrom(file) }: { name?: string }): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw whileTrying(`read ${file}`, cause);
  });
  const { client } = await connect();
  const { stack, services } = await client.stacks.deploy({ name, compose: interpolate(text, process.env) });
  console.log(`Stack ${stack.name}: ${services.map((service) => service.spec.name).join(', ')}`);
}

export async function scale(service: string, tasks: string): Promise<void> {
  const replicas = Number(tasks);
  if (!Number.isInteger(replicas) || replicas < 0) throw invalid(`"${tasks}" is not a number of tasks`);
  const { client } = await connect();
  const { id } = await findService(client, service);
  await client.services.scale({ serviceId: id, replicas });
  console.log(`${service}: ${replicas} tasks wanted; \`gantry ps\` shows them come and go`);
}

export async function removeStack(name: string): Promise<void> {
  const { client } = await connect();
  await client.stacks.remove({ name });
  console.log(`Stack ${name} is being removed`);
}

export async function createJoinToken(): Promise<void> {
  const { client, credentials } = await connect();
  const { token, expiresAt } = await client.nodes.createJoinToken({});
  console.log(`On the new host, as root, before ${expiresAt}:\n\n  gantry join ${credentials.url} ${token}`);
}
