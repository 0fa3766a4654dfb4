import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type BroughtPayload, detachPayloads } from '@gantry/domain/compose';
import { invalid, whileTrying } from '@gantry/platform/errors';
import { connect } from '../client.ts';
import { interpolate } from '../interpolate.ts';
import { storePayload } from './payload.ts';
import { findService } from './service.ts';

/** Compose's rule: the stack is named after the file's folder unless told. */
const nameFrom = (file: string): string =>
  basename(dirname(resolve(file)))
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '');

const stackLabel = 'com.docker.stack.namespace';

async function readBrought(composeFile: string, { kind, key, file, environment, content }: BroughtPayload): Promise<Buffer> {
  if (content !== null) return Buffer.from(content);
  if (environment !== null) {
    const value = process.env[environment];
    if (value === undefined) throw invalid(`${kind}s.${key}.environment: ${environment} is not set`);
    return Buffer.from(value);
  }
  const path = resolve(dirname(composeFile), file ?? '');
  return readFile(path).catch((cause) => {
    throw whileTrying(`read ${kind}s.${key}.file`, cause);
  });
}

/** Secrets and configs that the file brings along are stored first, as STACK_NAME; those that have changed are rotated. */
export async function deploy(file: string, { name = nameFrom(file) }: { name?: string }): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw whileTrying(`read ${file}`, cause);
  });
  const { brought, compose } = detachPayloads(name, interpolate(text, process.env));
  const { client } = await connect();
  for (const payload of brought) await storePayload(client, payload.kind, payload.name, await readBrought(file, payload), { [stackLabel]: name });
  const { stack, services } = await client.stacks.deploy({ name, compose });
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
