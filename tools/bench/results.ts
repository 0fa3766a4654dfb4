import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../process/paths.ts';
import type { Row } from './bench.ts';
import type { Machine } from './machine.ts';

const file = join(root, 'bench/RESULTS.md');

const number = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : String(value));

const verdict = (row: Row): string => {
  if (row.failed !== undefined) return `failed: ${row.failed}`;
  if (row.holds === null) return row.rival?.missing ?? '';
  return row.holds ? 'yes' : 'no';
};

export function toMarkdown(rows: readonly Row[]): string {
  const lines = rows.map(
    (row) =>
      `| ${row.case} | ${number(row.ours)} ${row.unit} | ${row.rival ? `${row.rival.name}: ${number(row.rival.value)} ${row.unit}` : '–'} | ${number(row.ratio)} | ${row.wanted ?? '–'} | ${verdict(row)} |`,
  );
  return ['| case | ours | rival | ours / rival | wanted | holds |', '|---|---|---|---|---|---|', ...lines].join('\n');
}

/** Replaces the section of that bench and leaves the others as they are. */
export async function saveResults(name: string, machine: Machine, rows: readonly Row[], date: Date): Promise<void> {
  const start = `<!-- ${name} -->`;
  const end = `<!-- /${name} -->`;
  const text = await readFile(file, 'utf8');
  const facts = `${date.toISOString().slice(0, 10)} · ${machine.cpus} × ${machine.cpu}, ${machine.memoryGb} GB, Linux ${machine.kernel}, ${machine.os}, Node ${machine.node}`;
  const section = `${start}\n## ${name}\n\n${facts}\n\n${toMarkdown(rows)}\n${end}`;
  const known = new RegExp(`${start}[^]*${end}`);
  await writeFile(file, known.test(text) ? text.replace(known, () => section) : `${text.trimEnd()}\n\n${section}\n`);
}
