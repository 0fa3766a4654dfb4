import type { Operation } from '@gantry/contracts/http-api';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { finalize, type Observable } from 'rxjs';
import { LOGGER, type Logger } from '../logger.ts';
import { AuditRepository } from './audit.repository.ts';
import { findCaller } from './caller.ts';
import { OPERATION } from './operation.ts';

/** One row for each mutation that was let in, whatever became of it. */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(AuditRepository) private readonly entries: AuditRepository,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const operation = this.reflector.get<Operation | undefined>(OPERATION, context.getHandler());
    if (operation === undefined || request.method === 'GET') return next.handle();
    // a client that has gone when it is answered has no address any more
    const address = request.ip;
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(finalize(() => void this.record(operation, { request, reply, address })));
  }

  private async record(operation: Operation, exchange: { request: FastifyRequest; reply: FastifyReply; address: string }): Promise<void> {
    const { request, reply, address } = exchange;
    const entry = {
      actor: findCaller(request)?.email ?? 'nobody',
      operation,
      target: request.url.slice(0, 512),
      status: reply.statusCode,
      address,
    };
    await this.entries.insert(entry).catch((error: unknown) => this.logger.error({ err: error, entry }, 'write the audit entry'));
  }
}
