import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, type Logger } from '../logger.ts';
import { problemType, toProblem } from './problem.ts';

/** What guards, streams and unknown routes throw; operations of the contract answer by way of orpc.ts. */
@Injectable()
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = toProblem(error);
    if (problem.status >= 500) this.logger.error({ err: error, url: request.url }, 'answer a request');
    if (reply.sent) return;
    void reply.status(problem.status).header('content-type', problemType).send(JSON.stringify(problem));
  }
}
