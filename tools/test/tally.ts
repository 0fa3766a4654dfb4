export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** What failed, by name, where the runner told it: a long output need not be searched. */
  readonly failures?: readonly string[];
}

export const none: Tally = { passed: 0, failed: 0 };

export const add = (a: Tally, b: Tally): Tally => ({ passed: a.passed + b.passed, failed: a.failed + b.failed });

/** The failed tests as cargo lists them: indented, after a line "failures:". */
const namesInCargo = (output: string): string[] => [
  ...new Set([...output.matchAll(/^failures:\n((?: {4}\S+\n)+)/gm)].flatMap(([, names = '']) => names.trim().split(/\s+/))),
];

/** cargo test prints one line per test binary. A run that broke before any line counts as one failure. */
export function fromCargo(output: string, code: number): Tally {
  const lines = [...output.matchAll(/^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored/gm)];
  const sum = lines.reduce((tally, [, passed, failed, ignored]) => add(tally, { passed: Number(passed), failed: Number(failed) + Number(ignored) }), none);
  return { ...orOneFailure(sum, code), failures: namesInCargo(output) };
}

interface VitestFile {
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
}

/** A file that could not be loaded has no tests to name. */
function namesInFile({ name, status, assertionResults }: VitestFile): string[] {
  const failed = assertionResults.filter((test) => test.status !== 'passed').map((test) => `${name}: ${test.fullName}`);
  return failed.length === 0 && status !== 'passed' ? [name] : failed;
}

interface VitestSummary {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly VitestFile[];
}

/** A skipped test is a failed one: a suite that cannot run here has proved nothing. */
export function fromVitest(summary: VitestSummary | null, code: number): Tally {
  if (summary === null) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = summary;
  const counted = orOneFailure({ passed: numPassedTests, failed: numFailedTests + numPendingTests + numTodoTests }, code);
  return { ...counted, failures: testResults.flatMap(namesInFile) };
}

/** An exit code that says "failed" is believed even when every counted test passed: an import that threw, an unhandled rejection. */
function orOneFailure(tally: Tally, code: number): Tally {
  if (tally.passed + tally.failed === 0) return { passed: 0, failed: 1 };
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}
