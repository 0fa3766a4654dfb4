// By path: this runs before the workspace's packages are linked.
import { describeError } from '../../libs/platform/errors/index.ts';
import { CommandFailed } from './run.ts';

/** What a person must read: one paragraph that says what to do. Printed without a stack. */
export class Advice extends Error {
  override readonly name = 'Advice';
}

const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/** One line per step: what, and how long it took. Steps that had nothing to do say nothing. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  process.stdout.write(`• ${title}\n`);
  const result = await work();
  process.stdout.write(`✔ ${title} (${seconds(started)})\n`);
  return result;
}

/** The one place where an entry point's failure becomes text and an exit code. */
export function endWithFailure(error: unknown): void {
  const text = error instanceof Advice || error instanceof CommandFailed ? error.message : describeError(error);
  process.stderr.write(`\n${text}\n\n`);
  process.exitCode = 1;
}
