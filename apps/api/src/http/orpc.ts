import type { Problem } from '@gantry/contracts/http-api';
import type { ORPCModuleConfig } from '@orpc/nest';
import { ORPCError } from '@orpc/server';
import type { FastifyReply } from 'fastify';
import type { Logger } from '../logger.ts';
import { problemType, toProblem } from './problem.ts';
import { selectFields } from './select-fields.ts';

/** An error on its way through oRPC, which asks for one of its own. */
class ProblemError extends ORPCError<string, Problem> {
  constructor(problem: Problem, { cause }: { cause: unknown }) {
    super(problem.code.toUpperCase(), { status: problem.status, message: problem.detail, data: problem, cause });
  }
}

/** Of an answer that is one record. It changes with the record's version, which a writer sends back as If-Match. */
function etagOf(body: unknown): string | null {
  return typeof body === 'object' && body !== null && 'version' in body && typeof body.version === 'number' ? `"${body.version}"` : null;
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
      async ({ request, response, standardResponse, next }) => {
        const reply: FastifyReply = response;
        if (standardResponse.status < 400) {
          standardResponse.body = selectFields(standardResponse.body, request.query?.fields);
          const etag = etagOf(standardResponse.body);
          if (etag !== null) reply.header('etag', etag);
          if (etag === null || request.method !== 'GET' || request.headers['if-none-match'] !== etag) return next();
          await reply.status(304).send();
          return undefined;
        }
        await reply.status(standardResponse.status).header('content-type', problemType).send(JSON.stringify(standardResponse.body));
        return undefined;
      },
    ],
  };
}
