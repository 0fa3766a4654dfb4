import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Router } from '@gantry/engine-api/http';
import { expect, test } from 'vitest';
import { endpoints } from '../src/daemon/endpoints.ts';
import { differences } from './daemon/differences.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/engine-compat.md'), 'utf8');

/** The tables of the page by the heading they stand under: rows of trimmed cells, header left out. */
function tableUnder(heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const served = ['Containers', 'Images and builds', 'Networks and volumes', 'System', 'Swarm and plugins'];

test('every endpoint is on the page with its state, and none besides', () => {
  const rows = served.flatMap(tableUnder);
  expect(rows.map(([endpoint]) => endpoint).toSorted()).toEqual(endpoints.map(({ method, pattern }) => `${method} ${pattern}`).toSorted());
  expect(rows.filter(([, state]) => !state)).toEqual([]);
});

test('what the page says is not served is not', () => {
  const router = new Router(endpoints);
  const rows = tableUnder('Not served: 404');
  expect(rows.length).toBeGreaterThan(0);
  const answered = rows.filter(([endpoint = '']) => {
    const [method = '', pattern = ''] = endpoint.split(' ');
    return router.match(method, pattern.replace(/\{\w+\}/g, 'x')) !== null;
  });
  expect(answered).toEqual([]);
});

test('the differences to Docker are those that the comparison with dockerd knows', () => {
  expect(tableUnder('Where it differs from Docker, and why')).toEqual(
    Object.values(differences).map(({ what, docker, here, why }) => [what, docker, here, why]),
  );
});
