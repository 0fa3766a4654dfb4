import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { root } from '../process/paths.ts';
import { type Finished, run } from '../process/run.ts';

const bannedWord = /(^|[-_.])(manager|helpers?|utils?|common|misc|data|info)([-_.]|$)/i;
const nameExceptions = [/data-directory\.ts$/];
const unfinished = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['XX', 'X'].join('')})\\b`);
const longest = 500;

const isSource = (path: string): boolean => /\.(ts|tsx|mjs|rs)$/.test(path);

function complaintsAbout(path: string, text: string): string[] {
  const complaints: string[] = [];
  if (bannedWord.test(basename(path)) && !nameExceptions.some((exception) => exception.test(path)))
    complaints.push(`${path}: the name says nothing; see the glossary in docs/glossary.md`);
  const lines = text.split('\n');
  if (path.endsWith('.rs') && lines.length > longest) complaints.push(`${path}: ${lines.length} lines, the limit is ${longest}`);
  lines.forEach((line, index) => {
    if (unfinished.test(line)) complaints.push(`${path}:${index + 1}: finish it or file an issue: ${line.trim()}`);
    if (/^\s*(describe|it|test)\.(skip|only|todo)\b/.test(line)) complaints.push(`${path}:${index + 1}: a test that does not run is no test`);
  });
  return complaints;
}

/** What no off-the-shelf linter checks: names from the glossary, nothing left unfinished, no long Rust files. */
export async function checkHouseRules(): Promise<Finished> {
  const { output } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'apps', 'libs', 'tools', 'bench']);
  const paths = output.split('\n').filter(isSource);
  const texts = await Promise.all(paths.map((path) => readFile(join(root, path), 'utf8').catch(() => '')));
  const complaints = paths.flatMap((path, index) => complaintsAbout(path, texts[index] ?? ''));
  return { code: complaints.length === 0 ? 0 : 1, output: complaints.join('\n') };
}
