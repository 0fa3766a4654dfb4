import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../process/paths.ts';

const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');
const namesIn = (text: string): string[] => [...new Set(text.match(/\b(?:GANTRY_[A-Z_]+|DATABASE_URL|REDIS_URL)\b/g))].sort();

test.each([
  ['Agent', 'apps/agent/src/config.ts'],
  ['Control plane', 'apps/api/src/config.ts'],
])('docs/settings.md has every setting of %s and no other', async (heading, source) => {
  const section = (await read('docs/settings.md')).split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  expect(namesIn(rows.map((row) => row.split('|')[1]).join(' '))).toEqual(namesIn(await read(source)));
});
