import { Problem } from '@gantry/contracts/http-api';
import { ORPCError } from '@orpc/client';

/** Reads the API's error body; undefined for an answer that did not come from the API, such as a proxy's. */
export function fromProblem(body: unknown): ORPCError<string, Problem> | undefined {
  const problem = Problem.safeParse(body).data;
  return problem && new ORPCError(problem.code, { status: problem.status, message: problem.detail, data: problem });
}

export function problemOf(error: ORPCError<string, unknown>): Problem | undefined {
  return Problem.safeParse(error.data).data;
}
