import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { executorBinary } from '../build/targets.ts';
import { Advice, endWithFailure, step } from '../process/report.ts';
import { run, runOrFail } from '../process/run.ts';

interface Result {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: number;
}

/** A program of the suite that takes longer than this hangs. */
const limitMs = 180_000;

/** What one program says in TAP, with indented lines being details. */
function fromTap(output: string): Result {
  const lines = output.split('\n').filter((line) => /^(not )?ok\b/.test(line));
  const isSkipped = (line: string) => /# skip/i.test(line);
  return {
    passed: lines.filter((line) => line.startsWith('ok') && !isSkipped(line)).length,
    failed: lines.filter((line) => line.startsWith('not ok') && !isSkipped(line)).map((line) => line.replace(/^not ok \d+ - /, '')),
    skipped: lines.filter(isSkipped).length,
  };
}

async function runProgram(program: string, suite: string, runtime: string): Promise<Result> {
  const signal = AbortSignal.timeout(limitMs);
  const finished = await run(program, [], { cwd: suite, env: { RUNTIME: runtime }, signal }).catch((cause: Error) => {
    if (cause.name === 'AbortError') return { code: 1, output: `not ok 1 - did not end within ${limitMs / 1000} s` };
    throw cause;
  });
  const result = fromTap(finished.output);
  // One that broke before it could say anything must not pass for one with nothing to say.
  const isBroken = finished.code !== 0 && result.failed.length === 0;
  return isBroken ? { ...result, failed: [`ended with exit code ${finished.code}`] } : result;
}

const describe = ({ passed, failed, skipped }: Result): string => `${passed} passed, ${failed.length} failed, ${skipped} skipped`;

const sum = (results: readonly Result[]): Result => ({
  passed: results.reduce((total, { passed }) => total + passed, 0),
  failed: results.flatMap(({ failed }) => failed),
  skipped: results.reduce((total, { skipped }) => total + skipped, 0),
});

/** Both runtimes side by side, one program at a time: programs share cgroups by name. */
async function compare(suite: string, rival: string): Promise<void> {
  await step('Suite', () => runOrFail('make', ['runtimetest', 'validation-executables'], { cwd: suite }));
  const files = await readdir(join(suite, 'validation'), { recursive: true });
  const programs = files.filter((file) => file.endsWith('.t')).toSorted();
  if (programs.length === 0) throw new Advice(`${suite} holds no validation/*/*.t: it is not a checkout of opencontainers/runtime-tools`);
  const all: { ours: Result[]; theirs: Result[] } = { ours: [], theirs: [] };
  for (const file of programs) {
    const program = join(suite, 'validation', file);
    const [ours, theirs] = [await runProgram(program, suite, executorBinary), await runProgram(program, suite, rival)];
    all.ours.push(ours);
    all.theirs.push(theirs);
    process.stdout.write(`${basename(file, '.t')}: ${describe(ours)}; ${rival}: ${describe(theirs)}\n`);
    for (const name of ours.failed) process.stdout.write(`    ${theirs.failed.includes(name) ? 'both fail' : 'only ours fails'}: ${name}\n`);
  }
  process.stdout.write(`\nexecutor: ${describe(sum(all.ours))}\n${rival}: ${describe(sum(all.theirs))}\n`);
}

const [suite, rival = 'runc'] = process.argv.slice(2);
try {
  if (suite === undefined) throw new Advice('Usage: node tools/conformance/main.ts CHECKOUT-OF-RUNTIME-TOOLS [OTHER-RUNTIME]');
  await compare(resolve(suite), rival);
} catch (cause) {
  endWithFailure(cause);
}
