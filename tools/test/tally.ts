export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

export const none: Tally = { passed: 0, failed: 0 };

export const add = (a: Tally, b: Tally): Tally => ({ passed: a.passed + b.passed, failed: a.failed + b.failed });

/** cargo test prints one line per test binary. A run that broke before any line counts as one failure. */
export function fromCargo(output: string, code: number): Tally {
  const lines = [...output.matchAll(/^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored/gm)];
  const sum = lines.reduce((tally, [, passed, failed, ignored]) => add(tally, { passed: Number(passed), failed: Number(failed) + Number(ignored) }), none);
  return orOneFailure(sum, code);
}

interface VitestSummary {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

/** A skipped test is a failed one: a suite that cannot run here has proved nothing. */
export function fromVitest(summary: VitestSummary | null, code: number): Tally {
  if (summary === null) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = summary;
  return orOneFailure({ passed: numPassedTests, failed: numFailedTests + numPendingTests + numTodoTests }, code);
}

/** An exit code that says "failed" is believed even when every counted test passed: an import that threw, an unhandled rejection. */
function orOneFailure(tally: Tally, code: number): Tally {
  if (tally.passed + tally.failed === 0) return { passed: 0, failed: 1 };
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}
