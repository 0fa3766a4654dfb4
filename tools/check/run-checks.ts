import { availableParallelism } from 'node:os';
import { lastLines } from '../process/run.ts';
import { type Check, checks } from './checks.ts';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
}

async function runCheck(check: Check): Promise<boolean> {
  const started = performance.now();
  const { code, output } = await check.run().catch((cause: Error) => ({ code: 127, output: cause.message }));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? '✔' : '✘'} ${check.name} (${seconds} s)\n`);
  if (code !== 0) process.stdout.write(`${lastLines(output, 200)}\n\n`);
  return code === 0;
}

/** All checks, as many at once as there are processors; each failure is shown in full, none hides another. */
export async function runChecks(): Promise<Tally> {
  const waiting = [...checks];
  const failures: string[] = [];
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check; check = waiting.shift()) if (!(await runCheck(check))) failures.push(check.name);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return { passed: checks.length - failures.length, failed: failures.length, failures };
}
