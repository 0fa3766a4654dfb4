import { access, isAllowed, type Operation } from '@gantry/contracts/http-api';
import { GantryError } from '@gantry/platform/errors';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Authenticator } from '../modules/account/authenticator.ts';
import { type Caller, rememberCaller } from './caller.ts';
import { OPEN, OPERATION } from './operation.ts';
import { isForeignOrigin } from './origin.ts';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Throws unless the caller may: 401 when signing in could help, 403 when it could not. */
export function checkAccess(caller: Caller | null, operation: Operation): void {
  if (isAllowed(caller?.role ?? null, operation)) return;
  if (caller === null) throw new GantryError('user', 'unauthorized', 'sign in first');
  throw new GantryError('user', 'forbidden', `${operation} needs the role ${access[operation]}, and ${caller.email} is ${caller.role}`);
}

/** Every route of the api passes here; one that the access table does not name is closed. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const handler = context.getHandler();
    if (this.reflector.get<boolean | undefined>(OPEN, handler) === true) return true;
    const operation = this.reflector.get<Operation | undefined>(OPERATION, handler);
    if (operation === undefined) throw new Error(`${context.getClass().name}.${handler.name} has no entry in the access table`);
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!safeMethods.has(request.method) && isForeignOrigin(request.headers))
      throw new GantryError('user', 'forbidden', 'the request comes from another origin');
    const caller = await this.authenticator.authenticate(request.headers);
    if (caller !== null) rememberCaller(request, caller);
    checkAccess(caller, operation);
    return true;
  }
}
