import type { z } from 'zod';

export type Durability = 'now' | 'soon';

/**
 * Small records that must survive: a `put` that returned is on disk, whatever happens next to the process or the machine. `soon` is for what
 * need not survive a power cut before the next commit does: it survives this process at once, and whatever is committed later is never on disk
 * without it.
 *
 * A store holds named collections of JSON values, each with the schema its values are parsed by when read. A record that no longer
 * parses is set aside (`quarantined`) with its reason and disappears from its collection; it takes nothing else down.
 * Every call is synchronous: one commit is about 0.3 ms, one that is to be on disk soon 0.05 ms. On a full disk new records are refused
 * (`no-space`); those there are can still be changed and deleted.
 */
export interface MetadataStore {
  collection<T>(name: string, schema: z.ZodType<T>): Collection<T>;
  /** All or nothing. Transactions do not nest; when the disk is full, `work` may be called a second time after what the first did was undone. */
  transaction<T>(work: () => T): T;
  quarantined(): readonly QuarantinedRecord[];
  close(): void;
}

export interface Collection<T> {
  readonly name: string;
  get(id: string): T | undefined;
  /** In the order of first insertion. */
  entries(): [id: string, value: T][];
  put(id: string, value: T, durability?: Durability): void;
  /** Says whether there was one. */
  delete(id: string, durability?: Durability): boolean;
}

export interface QuarantinedRecord {
  readonly collection: string;
  readonly id: string;
  readonly body: string;
  readonly reason: string;
}
