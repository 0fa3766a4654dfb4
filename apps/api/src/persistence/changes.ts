import type { Transaction } from './database.ts';
import { Prisma } from './generated/client.ts';

/** Postgres's channel for everything below. */
export const channel = 'gantry';

/** What replicas tell each other when a transaction commits. `ids` are of the subject's kind. */
export const signalSubjects = ['task', 'service', 'node', 'stack', 'assignments', 'session', 'outbox'] as const;
export type SignalSubject = (typeof signalSubjects)[number];

export interface Signal {
  readonly subject: SignalSubject;
  readonly ids: readonly string[];
}

/** A reconciler to wake. */
export interface Wake {
  readonly loop: string;
  readonly key: string;
  readonly dueAt?: Date;
}

export interface Changes {
  readonly tasks?: readonly string[];
  readonly services?: readonly string[];
  readonly nodes?: readonly string[];
  readonly stacks?: readonly string[];
  /** Nodes whose assignments are no longer what their agents hold. */
  readonly assignments?: readonly string[];
  /** Nodes that have a new session: an older one is stale, wherever it is held. */
  readonly sessions?: readonly string[];
  readonly wake?: readonly Wake[];
}

/** A notification's payload must stay below 8000 bytes. */
const idsPerSignal = 200;

function toSignals(subject: SignalSubject, ids: readonly string[] = []): Signal[] {
  const distinct = [...new Set(ids)];
  const signals: Signal[] = [];
  for (let start = 0; start < distinct.length; start += idsPerSignal) signals.push({ subject, ids: distinct.slice(start, start + idsPerSignal) });
  return signals;
}

/** Says, in the transaction that makes them, what changed and what must look at it. Nothing is said when the transaction fails. */
export async function recordChanges(transaction: Transaction, changes: Changes): Promise<void> {
  const wake = changes.wake ?? [];
  if (wake.length > 0) {
    const now = new Date();
    await transaction.$executeRaw`
      insert into outbox (loop, key, due_at)
      select distinct * from unnest(${wake.map((w) => w.loop)}::text[], ${wake.map((w) => w.key)}::text[], ${wake.map((w) => w.dueAt ?? now)}::timestamptz[])`;
  }
  const signals = [
    ...toSignals('task', changes.tasks),
    ...toSignals('service', changes.services),
    ...toSignals('node', changes.nodes),
    ...toSignals('stack', changes.stacks),
    ...toSignals('assignments', changes.assignments),
    ...toSignals('session', changes.sessions),
    ...(wake.length > 0 ? [{ subject: 'outbox' as const, ids: [] }] : []),
  ];
  if (signals.length === 0) return;
  const payloads = signals.map((signal) => JSON.stringify(signal));
  await transaction.$queryRaw(Prisma.sql`select count(pg_notify(${channel}, payload)) from unnest(${payloads}::text[]) as payload`);
}
