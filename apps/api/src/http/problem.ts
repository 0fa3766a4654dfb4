import type { Problem } from '@gantry/contracts/http-api';
import { describeError, type ErrorCode, GantryError } from '@gantry/platform/errors';
import { HttpException } from '@nestjs/common';
import { ORPCError } from '@orpc/server';
import { z } from 'zod';

const statuses: Record<ErrorCode, number> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  'permission-denied': 403,
  'not-found': 404,
  'command-not-found': 404,
  conflict: 409,
  'wrong-state': 409,
  'not-modified': 304,
  'precondition-failed': 412,
  'precondition-required': 428,
  'too-large': 413,
  'digest-mismatch': 422,
  'rate-limited': 429,
  failed: 500,
  corrupt: 500,
  unsupported: 501,
  unavailable: 503,
  cancelled: 503,
  'no-space': 507,
  timeout: 504,
};

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  412: 'Changed meanwhile',
  413: 'Too large',
  428: 'Condition required',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Unavailable',
  504: 'Timed out',
};

/** Codes by which Prisma, pg and the system say that the database can not be reached just now. */
const databaseIsAway = new Set([
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  'P2028',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08000',
  '08003',
  '08006',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
const databaseKinds = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);

const ValidationIssues = z.object({
  issues: z.array(z.object({ path: z.array(z.union([z.string(), z.number(), z.object({ key: z.unknown() })])).default([]), message: z.string() })),
});

function problem(code: string, status: number, detail: string, errors: Problem['errors'] = []): Problem {
  return { code, title: titles[status] ?? 'Error', status, detail, errors };
}

function isDatabaseAway(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth += 1) {
    if ('code' in current && typeof current.code === 'string' && databaseIsAway.has(current.code)) return true;
    if ('kind' in current && typeof current.kind === 'string' && databaseKinds.has(current.kind)) return true;
    if (current instanceof Error && /Connection terminated|timeout exceeded when trying to connect|Can't reach database server/.test(current.message))
      return true;
    current = 'cause' in current ? current.cause : null;
  }
  return false;
}

function fromIssues(issues: z.infer<typeof ValidationIssues>['issues']): Problem {
  const errors = issues.map(({ path, message }) => ({
    field: path.map((part) => (typeof part === 'object' ? String(part.key) : String(part))).join('.'),
    message,
  }));
  const [first] = errors;
  return problem(
    'invalid',
    400,
    first === undefined ? 'the request is not valid' : `${first.field === '' ? 'request' : first.field}: ${first.message}`,
    errors,
  );
}

function fromStatus(status: number, detail: string): Problem {
  const code = (Object.keys(statuses) as ErrorCode[]).find((known) => statuses[known] === status) ?? 'failed';
  return problem(code, status, detail);
}

/** Any error of any layer as what the client is told, and whether it is ours to look into. The one place that chooses HTTP statuses. */
export function toProblem(error: unknown): Problem {
  if (error instanceof GantryError) {
    const detail = error.kind === 'user' ? error.message : describeError(error);
    if (error.kind === 'bug') return problem('failed', 500, 'this is our mistake; the log of the api says more');
    return problem(error.code, statuses[error.code], detail, error.field === null ? [] : [{ field: error.field, message: error.message }]);
  }
  if (error instanceof ORPCError) {
    const issues = ValidationIssues.safeParse(error.data);
    if (error.code === 'BAD_REQUEST') return issues.success ? fromIssues(issues.data.issues) : problem('invalid', 400, error.message);
    return error.cause === undefined ? fromStatus(error.status, error.message) : toProblem(error.cause);
  }
  if (isDatabaseAway(error)) return problem('unavailable', 503, 'the database can not be reached; try again in a moment');
  if (error instanceof HttpException) return fromStatus(error.getStatus(), error.message);
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500)
    return fromStatus(error.statusCode, error.message);
  return problem('failed', 500, 'this is our mistake; the log of the api says more');
}

export const problemType = 'application/problem+json';
