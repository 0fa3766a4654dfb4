import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { executorBinary } from '../build/targets.ts';
import { Advice, endWithFailure, step } from '../process/report.ts';
import { runcIntegration } from './runc.ts';
import { runtimeTools } from './runtime-tools.ts';
import type { Result, Suite } from './suite.ts';

/** Known by what is in it. */
function findSuite(checkout: string): Suite {
  if (existsSync(join(checkout, 'tests/integration/helpers.bash'))) return runcIntegration(checkout);
  if (existsSync(join(checkout, 'validation'))) return runtimeTools(checkout);
  throw new Advice(`${checkout} is a checkout neither of opencontainers/runtime-tools nor of opencontainers/runc`);
}

/** Suites change directory: a name is of no use to them. */
function findRuntime(name: string): string {
  if (name.includes('/')) return resolve(name);
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const found = directories.map((directory) => join(directory, name)).find(existsSync);
  if (found === undefined) throw new Advice(`${name} is not on the PATH`);
  return found;
}

const describe = ({ passed, failed, skipped }: Result): string => `${passed} passed, ${failed.length} failed, ${skipped} skipped`;

const sum = (results: readonly Result[]): Result => ({
  passed: results.reduce((total, { passed }) => total + passed, 0),
  failed: results.flatMap(({ failed }) => failed),
  skipped: results.reduce((total, { skipped }) => total + skipped, 0),
});

/** Both runtimes side by side, one program at a time. */
async function compare(suite: Suite, rival: string, wanted: readonly string[]): Promise<void> {
  await step('Suite', suite.prepare);
  const programs = (await suite.programs()).filter((program) => wanted.length === 0 || wanted.some((part) => program.includes(part)));
  const all: { ours: Result[]; theirs: Result[] } = { ours: [], theirs: [] };
  for (const program of programs) {
    const [ours, theirs] = [await suite.run(program, executorBinary), await suite.run(program, rival)];
    all.ours.push(ours);
    all.theirs.push(theirs);
    process.stdout.write(`${program}: ${describe(ours)}; ${rival}: ${describe(theirs)}\n`);
    for (const name of ours.failed) process.stdout.write(`    ${theirs.failed.includes(name) ? 'both fail' : 'only ours fails'}: ${name}\n`);
    for (const name of theirs.failed) if (!ours.failed.includes(name)) process.stdout.write(`    only ${rival} fails: ${name}\n`);
  }
  process.stdout.write(`\nexecutor: ${describe(sum(all.ours))}\n${rival}: ${describe(sum(all.theirs))}\n`);
}

const [checkout, rival = 'runc', ...wanted] = process.argv.slice(2);
try {
  if (checkout === undefined) throw new Advice('Usage: node tools/conformance/main.ts CHECKOUT [OTHER-RUNTIME [PART-OF-A-PROGRAMS-NAME ...]]');
  await compare(findSuite(resolve(checkout)), findRuntime(rival), wanted);
} catch (cause) {
  endWithFailure(cause);
}
