import { rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { hasCode, operational, whileTrying } from '@gantry/platform/errors';
import type { z } from 'zod';
import type { Collection, Durability, MetadataStore, QuarantinedRecord } from './store.ts';

const schema = `
  create table if not exists record (
    collection text not null, id text not null, body text not null, position integer not null,
    primary key (collection, id)
  ) without rowid;
  create table if not exists quarantine (collection text not null, id text not null, body text not null, reason text not null);
`;

/** Text columns by name; a row that is not what the statement selects is a bug in this file. */
function column(row: Record<string, unknown>, name: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw new TypeError(`column ${name} is ${typeof value}, expected text`);
  return value;
}

/** Runs a write so that it is on disk as soon as asked. */
type Commit = <T>(durability: Durability, write: () => T) => T;

class SqliteCollection<T> implements Collection<T> {
  readonly name: string;
  readonly #schema: z.ZodType<T>;
  readonly #get: StatementSync;
  readonly #all: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #commit: Commit;
  readonly #room: Room;
  readonly #quarantine: (id: string, body: string, reason: string) => void;
  /** Of the next record, after all there are: finding it anew at each put would read the whole collection. */
  #nextPosition: number;

  constructor(database: DatabaseSync, room: Room, name: string, valueSchema: z.ZodType<T>, commit: Commit) {
    this.#commit = commit;
    this.name = name;
    this.#room = room;
    this.#schema = valueSchema;
    this.#get = database.prepare('select body from record where collection = ? and id = ?');
    this.#all = database.prepare('select id, body from record where collection = ? order by position');
    this.#put = database.prepare(
      `insert into record (collection, id, body, position) values (?, ?, ?, ?)
       on conflict (collection, id) do update set body = excluded.body`,
    );
    this.#delete = database.prepare('delete from record where collection = ? and id = ?');
    const last = database.prepare('select coalesce(max(position), 0) as position from record where collection = ?').get(name);
    this.#nextPosition = Number(last?.position ?? 0) + 1;
    const setAside = database.prepare('insert into quarantine (collection, id, body, reason) values (?, ?, ?, ?)');
    this.#quarantine = (id, body, reason) => {
      setAside.run(name, id, body, reason);
      this.#delete.run(name, id);
    };
  }

  #parse(id: string, body: string): T | undefined {
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch (cause) {
      this.#quarantine(id, body, String(cause));
      return undefined;
    }
    const parsed = this.#schema.safeParse(value);
    if (parsed.success) return parsed.data;
    this.#quarantine(id, body, parsed.error.message);
    return undefined;
  }

  get(id: string): T | undefined {
    const row = this.#get.get(this.name, id);
    return row === undefined ? undefined : this.#parse(id, column(row, 'body'));
  }

  entries(): [string, T][] {
    const entries: [string, T][] = [];
    for (const row of this.#all.all(this.name)) {
      const id = column(row, 'id');
      const value = this.#parse(id, column(row, 'body'));
      if (value !== undefined) entries.push([id, value]);
    }
    return entries;
  }

  put(id: string, value: T, durability: Durability = 'now'): void {
    // What is known already may change without room; what is new may not come.
    const isKnown = () => this.#get.get(this.name, id) !== undefined;
    const position = this.#nextPosition++;
    this.#write(`record ${this.name} ${id}`, isKnown, () => this.#commit(durability, () => this.#put.run(this.name, id, JSON.stringify(value), position)));
    this.#room.hold();
  }

  delete(id: string, durability: Durability = 'now'): boolean {
    return this.#write(
      `delete ${this.name} ${id}`,
      () => true,
      () => this.#commit(durability, () => this.#delete.run(this.name, id)).changes > 0,
    );
  }

  #write<R>(doing: string, mayUseReserve: () => boolean, write: () => R): R {
    try {
      return write();
    } catch (cause) {
      if (!isFull(cause) || !mayUseReserve() || !this.#room.free()) throw writeFailure(doing, cause);
    }
    try {
      return write();
    } catch (cause) {
      throw writeFailure(doing, cause);
    }
  }
}

const isFull = (cause: unknown): boolean => cause instanceof Error && cause.message.includes('disk is full');

function writeFailure(doing: string, cause: unknown): Error {
  if (isFull(cause)) return operational('no-space', doing, { cause });
  return whileTrying(doing, cause);
}

const reservedBytes = 1 << 20;
const reserveAgainAfterMs = 10_000;

/**
 * Room held back on the disk, so that a full one can be tidied up: what ends is recorded and what goes is removed all the same. It is given up when it is
 * needed, together with what the write-ahead log takes, and taken again when there is enough.
 */
class Room {
  readonly #database: DatabaseSync;
  readonly #path: string;
  #isHeld = false;
  #lastTriedMs = 0;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.hold();
  }

  hold(): void {
    if (this.#isHeld || Date.now() - this.#lastTriedMs < reserveAgainAfterMs) return;
    this.#lastTriedMs = Date.now();
    try {
      writeFileSync(this.#path, Buffer.alloc(reservedBytes));
      this.#isHeld = true;
    } catch {
      // There is no room to hold back.
      rmSync(this.#path, { force: true });
    }
  }

  /** Says whether another attempt is worth it. */
  free(): boolean {
    if (this.#database.isTransaction) return false;
    rmSync(this.#path, { force: true });
    this.#isHeld = false;
    this.#lastTriedMs = Date.now();
    try {
      this.#database.exec('pragma wal_checkpoint(truncate)');
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    return true;
  }
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('begin immediate');
  try {
    const result = work();
    database.exec('commit');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('rollback');
    throw error;
  }
}

export interface SqliteStoreOptions {
  /** True unless told: a commit that returned survives a power cut. False: it survives this process, and costs a tenth. */
  readonly isDurable?: boolean;
}

/** Records in one SQLite file: write-ahead log, synced on every commit unless told; a sync takes with it what earlier commits left unsynced. */
export function openSqliteStore(path: string, { isDurable = true }: SqliteStoreOptions = {}): MetadataStore {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path, { timeout: 5000 });
    database.exec(`pragma journal_mode = wal; pragma synchronous = ${isDurable ? 'full' : 'off'}; pragma busy_timeout = 5000`);
    const check = database.prepare('pragma quick_check(1)').get();
    if (check === undefined || column(check, 'quick_check') !== 'ok') throw operational('corrupt', `${path} fails SQLite's quick_check`);
    database.exec(schema);
  } catch (cause) {
    throw whileTrying(`open the metadata database ${path}`, cause);
  }
  const commit: Commit = (durability, write) => {
    // What is in a transaction is committed with it.
    if (durability === 'now' || !isDurable || database.isTransaction) return write();
    database.exec('pragma synchronous = normal');
    try {
      return write();
    } finally {
      database.exec('pragma synchronous = full');
    }
  };
  const room = new Room(database, `${path}-reserve`);
  return {
    collection: (name, valueSchema) => new SqliteCollection(database, room, name, valueSchema, commit),
    transaction<T>(work: () => T): T {
      try {
        return inTransaction(database, work);
      } catch (error) {
        if (!hasCode(error, 'no-space') || !room.free()) throw error;
        return inTransaction(database, work);
      }
    },
    quarantined: () =>
      database
        .prepare('select collection, id, body, reason from quarantine')
        .all()
        .map(
          (row): QuarantinedRecord => ({
            collection: column(row, 'collection'),
            id: column(row, 'id'),
            body: column(row, 'body'),
            reason: column(row, 'reason'),
          }),
        ),
    close: () => database.close(),
  };
}
