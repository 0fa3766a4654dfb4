import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../process/paths.ts';
import { Advice, endWithFailure } from '../process/report.ts';
import { setUp } from '../setup/setup.ts';
import { type Bench, measureAll } from './bench.ts';
import { describeMachine } from './machine.ts';
import { saveResults, toMarkdown } from './results.ts';

async function load(name: string | undefined): Promise<Bench> {
  const file = join(root, 'bench', `${name}.ts`);
  if (name === undefined || !existsSync(file)) {
    const known = (await readdir(join(root, 'bench'))).filter((entry) => entry.endsWith('.ts')).map((entry) => entry.replace('.ts', ''));
    throw new Advice(`Usage: npm run bench -- NAME [--json] [--save] [--rounds N]\n\nBenches: ${known.join(', ')}`);
  }
  const { bench }: { bench: Bench } = await import(file);
  return bench;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, save: { type: 'boolean', default: false }, rounds: { type: 'string' } },
  });
  await setUp({ purposes: ['start', 'test'], needsRust: true });
  const bench = await load(positionals[0]);
  const rounds = values.rounds === undefined ? bench.rounds : Number(values.rounds);
  const { cases, close } = await bench.open();
  try {
    const rows = await measureAll(cases, rounds, (round) => process.stderr.write(`round ${round + 1} of ${rounds}\n`));
    const machine = await describeMachine();
    process.stdout.write(`\n${toMarkdown(rows)}\n\n`);
    if (values.save) await saveResults(bench.name, machine, rows, new Date());
    if (values.json) process.stdout.write(`${JSON.stringify({ bench: bench.name, machine, rows })}\n`);
  } finally {
    await close();
  }
}

await main().catch(endWithFailure);
