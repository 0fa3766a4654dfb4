import { createHash, timingSafeEqual } from 'node:crypto';
import { httpApi, type Operation } from '@gantry/contracts/http-api';
import { conflict, invalid } from '@gantry/platform/errors';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, mergeMap, Observable, of } from 'rxjs';
import { type Conditions, type Once, withConditions } from '../persistence/conditions.ts';
import { VAULT, type Vault } from '../vault/vault.ts';
import { findCaller } from './caller.ts';
import { IdempotencyRepository } from './idempotency.repository.ts';
import { OPERATION } from './operation.ts';

/** What makes something that is shown once: to show it again would be to keep it. */
const unrepeatable: readonly Operation[] = ['account.signIn', 'account.signOut', 'account.createToken', 'nodes.createJoinToken'];

/** `"7"`, also as a weak one; `*` asks for nothing more than that the record is there. */
function readIfMatch(header: string | undefined): number | null {
  if (header === undefined || header === '*') return null;
  const version = /^(?:W\/)?"(\d{1,15})"$/.exec(header)?.[1];
  if (version === undefined) throw invalid('If-Match: expected the ETag of an answer, as in "7"', { field: 'If-Match' });
  return Number(version);
}

function readKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(header))
    throw invalid('Idempotency-Key: expected 1 to 255 visible characters', { field: 'Idempotency-Key' });
  return header;
}

/** The status of an operation that succeeds; 200 unless the contract says otherwise. */
function statusOf(operation: Operation): number {
  const [group = '', name = ''] = operation.split('.');
  const operations: Record<string, Record<string, { '~orpc': { route: { successStatus?: number | undefined } } }>> = httpApi;
  return operations[group]?.[name]?.['~orpc'].route.successStatus ?? 200;
}

/** If-Match and Idempotency-Key, for every operation that changes something. */
@Injectable()
export class ConditionsInterceptor implements NestInterceptor {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(VAULT) private readonly vault: Vault,
    @Inject(IdempotencyRepository) private readonly keys: IdempotencyRepository,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const operation = this.reflector.get<Operation | undefined>(OPERATION, context.getHandler());
    if (operation === undefined || request.method === 'GET') return next.handle();
    const version = readIfMatch(request.headers['if-match']);
    const key = request.method === 'POST' && !unrepeatable.includes(operation) ? readKey(request.headers['idempotency-key']) : null;
    if (key === null) return handleWith({ version, once: null }, next);
    const once = { actor: actorOf(request), key, fingerprint: this.#fingerprint(request), isTaken: false };
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return from(this.#repeat(once, operation, reply)).pipe(mergeMap((isRepeated) => (isRepeated ? of(undefined) : handleWith({ version, once }, next))));
  }

  /** Answers again what was answered the first time, if there was one. */
  async #repeat(once: Once, operation: Operation, reply: FastifyReply): Promise<boolean> {
    const earlier = await this.keys.find(once.actor, once.key);
    if (earlier === null) return false;
    if (!timingSafeEqual(earlier.fingerprint, once.fingerprint))
      throw conflict('this Idempotency-Key was used for another request: take a new one', { field: 'Idempotency-Key' });
    await reply
      .status(statusOf(operation))
      .header('content-type', 'application/json')
      .header('idempotency-replayed', 'true')
      .send(JSON.stringify(earlier.answer));
    return true;
  }

  #fingerprint(request: FastifyRequest): Uint8Array<ArrayBuffer> {
    const whole = JSON.stringify([request.method, request.url, request.body ?? null]);
    return new Uint8Array(this.vault.isOpen ? this.vault.keys.hash(whole) : createHash('sha256').update(whole).digest());
  }
}

function actorOf(request: FastifyRequest): string {
  const caller = findCaller(request);
  return caller?.userId ?? caller?.email ?? 'nobody';
}

function handleWith(conditions: Conditions, next: CallHandler): Observable<unknown> {
  return new Observable((subscriber) => withConditions(conditions, () => next.handle().subscribe(subscriber)));
}
