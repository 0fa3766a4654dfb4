import type { Problem } from '@gantry/contracts/http-api';
import type { ORPCModuleConfig } from '@orpc/nest';
import { ORPCError } from '@orpc/server';
import type { FastifyReply } from 'fastify';
import type { Logger } from '../logger.ts';
import { problemType, toProblem } from './problem.ts';

/** An error on its way through oRPC, which asks for one of its own. */
class ProblemError extends ORPCError<string, Problem> {
  constructor(problem: Problem, { cause }: { cause: unknown }) {
    super(problem.code.toUpperCase(), { status: problem.status, message: problem.detail, data: problem, cause });
  }
}

/** oRPC routes the contract; how errors look is ours: problem+json, as everywhere else. */
export function orpcConfig(logger: Logger): ORPCModuleConfig {
  return {
    interceptors: [
      async ({ next, path }) => {
        try {
          return await next();
        } catch (error) {
          const problem = toProblem(error);
          if (problem.status >= 500) logger.error({ err: error, operation: path.join('.') }, 'answer a request');
          throw new ProblemError(problem, { cause: error });
        }
      },
    ],
    customErrorResponseBodyEncoder: (error) => (error instanceof ProblemError ? error.data : toProblem(error)),
    sendResponseInterceptors: [
      async ({ response, standardResponse, next }) => {
        if (standardResponse.status < 400) return next();
        const reply: FastifyReply = response;
        await reply.status(standardResponse.status).header('content-type', problemType).send(JSON.stringify(standardResponse.body));
        return undefined;
      },
    ],
  };
}
