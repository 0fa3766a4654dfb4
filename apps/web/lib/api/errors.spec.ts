import { ORPCError } from '@orpc/client';
import { expect, test } from 'vitest';
import { isConflict, isNotFound, isSignedOut, toSentence } from './errors.ts';
import { fromProblem } from './problem.ts';

test('a server error becomes a sentence', () => {
  expect(toSentence(new ORPCError('BAD_REQUEST', { status: 400, message: 'compose: services.web.privileged is not supported' }))).toBe(
    'Compose: services.web.privileged is not supported.',
  );
  expect(toSentence(new ORPCError('CONFLICT', { status: 409, message: 'Already a sentence.' }))).toBe('Already a sentence.');
});

test('the parts at fault are named', () => {
  const problem = {
    code: 'invalid',
    title: 'Invalid',
    status: 400,
    detail: 'the request is not valid',
    errors: [{ field: 'task.image', message: 'expected a string' }],
  };
  expect(toSentence(fromProblem(problem))).toBe('The request is not valid. Task.image: expected a string.');
  expect(toSentence(fromProblem({ ...problem, detail: 'task.image: expected a string' }))).toBe('Task.image: expected a string.');
  expect(fromProblem('<html>bad gateway</html>')).toBeUndefined();
});

test('statuses that need an action say the action', () => {
  expect(toSentence(new ORPCError('UNAUTHORIZED', { status: 401, message: 'no session' }))).toBe('Your session has ended. Sign in again.');
  expect(toSentence(new ORPCError('TOO_MANY_REQUESTS', { status: 429, message: 'x' }))).toBe('Too many attempts. Wait a minute and try again.');
});

test('a failed fetch is the control plane out of reach, anything else is ours', () => {
  expect(toSentence(new TypeError('Failed to fetch'))).toBe('The control plane could not be reached.');
  expect(toSentence(new RangeError('x'))).toContain('Something went wrong in the dashboard');
});

test('statuses are told apart', () => {
  const statusError = (status: number) => new ORPCError('ANY', { status });
  expect([401, 404, 409].map((status) => [isSignedOut, isNotFound, isConflict].map((is) => is(statusError(status))))).toEqual([
    [true, false, false],
    [false, true, false],
    [false, false, true],
  ]);
});
