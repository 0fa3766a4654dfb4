import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach } from 'vitest';
import { openSqliteStore } from './sqlite-store.ts';
import { metadataStoreSuite } from './store.suite.ts';
import type { MetadataStore } from './store.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

metadataStoreSuite('on SQLite', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-metadata-'));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'metadata.db');
  let store: MetadataStore = openSqliteStore(path);
  cleanups.push(() => store.close());
  return {
    store,
    reopen: () => {
      store.close();
      store = openSqliteStore(path);
      return store;
    },
    damage: (collection, id, body) => {
      const database = new DatabaseSync(path);
      database.prepare('update record set body = ? where collection = ? and id = ?').run(body, collection, id);
      database.close();
    },
  };
});
