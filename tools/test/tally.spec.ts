import { expect, test } from 'vitest';
import { fromCargo, fromVitest } from './tally.ts';

const line = (passed: number, failed: number, ignored = 0) =>
  `test result: ${failed ? 'FAILED' : 'ok'}. ${passed} passed; ${failed} failed; ${ignored} ignored; 0 measured; 0 filtered out; finished in 0.00s\n`;

test('sums cargo test over its binaries, and names what failed', () => {
  const output = `${line(3, 0)}noise\n\nfailures:\n\n---- limits::pids stdout ----\nno\n\nfailures:\n    limits::pids\n\n${line(4, 1)}`;
  expect(fromCargo(output, 101)).toEqual({ passed: 7, failed: 1, failures: ['limits::pids'] });
});

test('an ignored Rust test is a failure', () => {
  expect(fromCargo(line(3, 0, 2), 0)).toMatchObject({ passed: 3, failed: 2 });
});

test('a build that broke is a failure', () => {
  expect(fromCargo('error: could not compile', 101)).toMatchObject({ passed: 0, failed: 1 });
});

test('skipped and unfinished vitest tests are failures', () => {
  expect(fromVitest({ numPassedTests: 5, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1, testResults: [] }, 0)).toMatchObject({ passed: 5, failed: 3 });
});

test('no tests at all is a failure', () => {
  expect(fromVitest({ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }, 0)).toMatchObject({ passed: 0, failed: 1 });
});

test('a failed exit code is believed over a clean count', () => {
  expect(fromVitest({ numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }, 1)).toMatchObject({ passed: 5, failed: 1 });
});

test('names what failed, and a file that could not be loaded', () => {
  const assertionResults = [
    { status: 'passed', fullName: 'it works' },
    { status: 'failed', fullName: 'it breaks' },
  ];
  const testResults = [
    { name: 'a.spec.ts', status: 'failed', assertionResults },
    { name: 'b.spec.ts', status: 'failed', assertionResults: [] },
    { name: 'c.spec.ts', status: 'passed', assertionResults: [] },
  ];
  const tally = fromVitest({ numPassedTests: 1, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0, testResults }, 1);
  expect(tally.failures).toEqual(['a.spec.ts: it breaks', 'b.spec.ts']);
});
