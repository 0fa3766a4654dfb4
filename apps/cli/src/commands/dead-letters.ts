import type { Command } from 'commander';
import { connect } from '../client.ts';
import { toTable } from '../table.ts';
import { everything } from './show.ts';

async function list(): Promise<void> {
  const { client } = await connect();
  const letters = await everything((cursor) => client.deadLetters.list({ limit: 1000, ...(cursor ? { cursor } : {}) }));
  const rows = letters.map(({ loop, key, failures, firstFailedAt, lastFailedAt, error }) => [loop, key, String(failures), firstFailedAt, lastFailedAt, error]);
  console.log(toTable(['LOOP', 'KEY', 'FAILURES', 'SINCE', 'LAST', ''], rows));
}

async function run(loop: string, key: string): Promise<void> {
  const { client } = await connect();
  await client.deadLetters.run({ loop, key });
  console.log(`${loop} ${key}: tried again now; when it has gone well, \`gantry dead-letters ls\` has it no more`);
}

export function addDeadLetterCommands(program: Command): void {
  const letters = program.command('dead-letters').description('what the control plane could not do, however often it tried');
  letters.command('ls').description('list them, with the latest error').action(list);
  letters.command('run <loop> <key>').description('try it again now').action(run);
}
