import { run } from '../process/run.ts';

export interface Result {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: number;
}

/** A suite that others have written, in a checkout of theirs. */
export interface Suite {
  readonly prepare: () => Promise<void>;
  /** In the order they are run, one at a time: programs share cgroups by name. */
  readonly programs: () => Promise<string[]>;
  readonly run: (program: string, runtime: string) => Promise<Result>;
}

/** A program that takes longer than this hangs. */
const limitMs = 300_000;

/** What one program says in TAP, with indented lines being details. */
function fromTap(output: string): Result {
  const lines = output.split(/\r?\n/).filter((line) => /^(not )?ok\b/.test(line));
  const isSkipped = (line: string) => /# skip/i.test(line);
  return {
    passed: lines.filter((line) => line.startsWith('ok') && !isSkipped(line)).length,
    failed: lines.filter((line) => line.startsWith('not ok') && !isSkipped(line)).map((line) => line.replace(/^not ok \d+ (- )?/, '')),
    skipped: lines.filter(isSkipped).length,
  };
}

export async function runTap(command: readonly [string, ...string[]], cwd: string, env: NodeJS.ProcessEnv): Promise<Result> {
  const [program, ...args] = command;
  const signal = AbortSignal.timeout(limitMs);
  const finished = await run(program, args, { cwd, env, signal }).catch((cause: Error) => {
    if (cause.name === 'AbortError') return { code: 1, output: `not ok 1 did not end within ${limitMs / 1000} s` };
    throw cause;
  });
  const result = fromTap(finished.output);
  // One that broke before it could say anything must not pass for one with nothing to say.
  const isBroken = finished.code !== 0 && result.failed.length === 0;
  return isBroken ? { ...result, failed: [`ended with exit code ${finished.code}`] } : result;
}
