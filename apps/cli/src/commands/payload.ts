import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Config, Secret } from '@gantry/contracts/http-api';
import { invalid, notFound, whileTrying } from '@gantry/platform/errors';
import type { Command } from 'commander';
import { type Client, connect } from '../client.ts';
import { toTable } from '../table.ts';
import { everything } from './show.ts';

type Kind = 'secret' | 'config';
type Labels = Record<string, string>;

/** The two resources alike; a secret's content goes one way only. */
function operationsOf(client: Client, kind: Kind) {
  if (kind === 'secret') {
    const { secrets } = client;
    return {
      list: secrets.list,
      create: secrets.create,
      rotate: (id: Secret['id'], data: string) => secrets.rotate({ secretId: id, data }),
      remove: (id: Secret['id']) => secrets.remove({ secretId: id }),
    };
  }
  const { configs } = client;
  return {
    list: configs.list,
    create: configs.create,
    rotate: (id: Config['id'], data: string) => configs.rotate({ configId: id, data }),
    remove: (id: Config['id']) => configs.remove({ configId: id }),
  };
}

async function find(client: Client, kind: Kind, name: string): Promise<Secret | null> {
  const { items } = await operationsOf(client, kind).list({ limit: 1, name });
  return items[0] ?? null;
}

async function findExisting(client: Client, kind: Kind, name: string): Promise<Secret> {
  const found = await find(client, kind, name);
  if (found === null) throw notFound(`no ${kind} is called ${name}; \`gantry ${kind} ls\` lists them`);
  return found;
}

/** Made when there is none of that name, rotated when it holds something else. */
export async function storePayload(client: Client, kind: Kind, name: string, content: Buffer, labels: Labels): Promise<void> {
  const existing = await find(client, kind, name);
  const data = content.toString('base64');
  const { create, rotate } = operationsOf(client, kind);
  if (existing === null) await create({ name, labels, data });
  else await rotate(existing.id, data);
}

/** Never from the command line itself, which every process of the machine can read. */
async function readContent(file: string | undefined): Promise<string> {
  if (file === undefined || file === '-') {
    if (process.stdin.isTTY) throw invalid('give a file, or pass the content on standard input');
    return (await buffer(process.stdin)).toString('base64');
  }
  const content = await readFile(file).catch((cause) => {
    throw whileTrying(`read ${file}`, cause);
  });
  return content.toString('base64');
}

function toLabels(words: readonly string[]): Labels {
  return Object.fromEntries(words.map((word) => [word.split('=')[0] ?? '', word.split('=').slice(1).join('=')]));
}

async function list(kind: Kind): Promise<void> {
  const { client } = await connect();
  const payloads = await everything((cursor) => operationsOf(client, kind).list({ limit: 1000, ...(cursor ? { cursor } : {}) }));
  const rows = payloads.map(({ name, versions, services, updatedAt }) => [name, String(versions.at(-1)?.number ?? ''), updatedAt, services.join(', ')]);
  console.log(toTable([kind.toUpperCase(), 'VERSION', 'CHANGED', 'USED BY'], rows));
}

async function create(kind: Kind, name: string, file: string | undefined, labels: readonly string[]): Promise<void> {
  const data = await readContent(file);
  const { client } = await connect();
  const { id } = await operationsOf(client, kind).create({ name, labels: toLabels(labels), data });
  console.log(id);
}

async function inspect(kind: Kind, name: string): Promise<void> {
  const { client } = await connect();
  const payload = await findExisting(client, kind, name);
  const content = kind === 'config' ? { content: Buffer.from((await client.configs.content({ configId: payload.id })).data, 'base64').toString() } : {};
  console.log(JSON.stringify({ ...payload, ...content }, null, 2));
}

async function rotate(kind: Kind, name: string, file: string | undefined): Promise<void> {
  const data = await readContent(file);
  const { client } = await connect();
  const { id } = await findExisting(client, kind, name);
  const { versions, services } = await operationsOf(client, kind).rotate(id, data);
  const replaced = services.length === 0 ? 'nothing uses it' : `the tasks of ${services.join(', ')} are being replaced`;
  console.log(`${kind} ${name} is at version ${versions.at(-1)?.number}; ${replaced}`);
}

async function remove(kind: Kind, names: readonly string[]): Promise<void> {
  const { client } = await connect();
  for (const name of names) {
    const { id } = await findExisting(client, kind, name);
    await operationsOf(client, kind).remove(id);
    console.log(name);
  }
}

const collect = (word: string, words: string[]): string[] => [...words, word];

export function addPayloadCommands(program: Command, kind: Kind): void {
  const group = program.command(kind).description(`${kind}s, which tasks get as files`);
  group
    .command('ls')
    .description(`list ${kind}s`)
    .action(() => list(kind));
  group
    .command('create <name> [file]')
    .description('with the content of the file, or of standard input')
    .option('-l, --label <name=value>', 'give it a label', collect, [])
    .action((name: string, file: string | undefined, { label }: { label: string[] }) => create(kind, name, file, label));
  group
    .command('inspect <name>')
    .description(kind === 'secret' ? 'everything but its content' : 'everything, and its content')
    .action((name: string) => inspect(kind, name));
  group
    .command('rotate <name> [file]')
    .description('give it new content, and replace the tasks that use it')
    .action((name: string, file: string | undefined) => rotate(kind, name, file));
  group
    .command('rm <names...>')
    .description('remove those that no service uses')
    .action((names: string[]) => remove(kind, names));
}
