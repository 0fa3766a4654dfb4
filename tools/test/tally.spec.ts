import { expect, test } from 'vitest';
import { fromCargo, fromVitest } from './tally.ts';

const line = (passed: number, failed: number, ignored = 0) =>
  `test result: ${failed ? 'FAILED' : 'ok'}. ${passed} passed; ${failed} failed; ${ignored} ignored; 0 measured; 0 filtered out; finished in 0.00s\n`;

test('sums cargo test over its binaries', () => {
  expect(fromCargo(`${line(3, 0)}noise\n${line(4, 1)}`, 101)).toEqual({ passed: 7, failed: 1 });
});

test('an ignored Rust test is a failure', () => {
  expect(fromCargo(line(3, 0, 2), 0)).toEqual({ passed: 3, failed: 2 });
});

test('a build that broke is a failure', () => {
  expect(fromCargo('error: could not compile', 101)).toEqual({ passed: 0, failed: 1 });
});

test('skipped and unfinished vitest tests are failures', () => {
  expect(fromVitest({ numPassedTests: 5, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1 }, 0)).toEqual({ passed: 5, failed: 3 });
});

test('no tests at all is a failure', () => {
  expect(fromVitest({ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 }, 0)).toEqual({ passed: 0, failed: 1 });
});

test('a failed exit code is believed over a clean count', () => {
  expect(fromVitest({ numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 }, 1)).toEqual({ passed: 5, failed: 1 });
});
