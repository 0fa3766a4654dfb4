import { AsyncLocalStorage } from 'node:async_hooks';
import { conflict, GantryError } from '@gantry/platform/errors';
import type { Prisma } from './generated/client.ts';

/** A request that is to be carried out once, however often it is sent. */
export interface Once {
  readonly actor: string;
  readonly key: string;
  readonly fingerprint: Uint8Array<ArrayBuffer>;
  /** Its first transaction has written it down. */
  isTaken: boolean;
}

/** What a request's headers ask of the transactions that carry it out. */
export interface Conditions {
  /** If-Match: the version that the record must have. */
  readonly version: number | null;
  readonly once: Once | null;
}

const current = new AsyncLocalStorage<Conditions>();
const keptForHours = 24;

export function withConditions<T>(conditions: Conditions, work: () => T): T {
  return current.run(conditions, work);
}

/** For what replaces a whole spec: to do so without saying which version was read would be to undo what others did meanwhile. */
export function requireVersion(version: number | undefined): void {
  if (version === undefined && (current.getStore()?.version ?? null) === null)
    throw new GantryError('user', 'precondition-required', 'say which version is to be changed: send its ETag as If-Match, or `version` in the body', {
      field: 'If-Match',
    });
}

/** For whoever has locked the record that a request changes. What agents report between two changes of the user's makes no difference. */
export function checkIfMatch(what: string, { version, specVersion = version }: { version: number; specVersion?: number }): void {
  const expected = current.getStore()?.version ?? null;
  if (expected === null || (expected >= specVersion && expected <= version)) return;
  throw new GantryError('user', 'precondition-failed', `${what} has changed since version ${expected}: it is at ${version}`, { field: 'If-Match' });
}

/** The request's first transaction also writes down that it was carried out, and with what answer: both, or nothing. */
export async function carryOutOnce<T>(transaction: Prisma.TransactionClient, work: (transaction: Prisma.TransactionClient) => Promise<T>): Promise<T> {
  const once = current.getStore()?.once ?? null;
  if (once === null || once.isTaken) return work(transaction);
  once.isTaken = true;
  const { actor, key, fingerprint } = once;
  try {
    const taken = await transaction.$executeRaw`
      insert into idempotency_key as k (actor, key, fingerprint, expires_at) values (${actor}, ${key}, ${fingerprint}, now() + make_interval(hours => ${keptForHours}::int))
      on conflict (actor, key) do update set fingerprint = excluded.fingerprint, answer = null, expires_at = excluded.expires_at where k.expires_at < now()`;
    if (taken === 0) throw conflict('a request with this Idempotency-Key was carried out just now: send it again for its answer', { field: 'Idempotency-Key' });
    const answer = await work(transaction);
    await transaction.$executeRaw`update idempotency_key set answer = ${JSON.stringify(answer ?? null)}::jsonb where actor = ${actor} and key = ${key}`;
    return answer;
  } catch (error) {
    once.isTaken = false;
    throw error;
  }
}
