import type { Role } from '@gantry/contracts/http-api';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Who a request speaks for. */
export interface Caller {
  /** Null for the process that started this one (the local secret). */
  readonly userId: string | null;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  /** What a browser's cookie proved needs the origin check; a bearer token does not. */
  readonly via: 'session' | 'token' | 'local';
}

const callers = new WeakMap<FastifyRequest['raw'], Caller>();

export function rememberCaller(request: FastifyRequest, caller: Caller): void {
  callers.set(request.raw, caller);
}

export function findCaller(request: FastifyRequest): Caller | null {
  return callers.get(request.raw) ?? null;
}

/** The signed-in caller; the access guard let nobody else in. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const caller = findCaller(context.switchToHttp().getRequest());
  if (caller === null) throw new Error('an operation that needs a caller is open to anyone');
  return caller;
});
