import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@gantry/platform/node';
import { openSqliteStore } from '@gantry/runtime/metadata';
import { afterEach } from 'vitest';
import { leasesSuite } from './leases.suite.ts';
import { createLeases } from './leases.ts';
import { openLocalStore } from './local-store.ts';
import { contentStoreSuite } from './store.suite.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

leasesSuite('in metadata', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-leases-'));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  let now = 1_000_000;
  const open = () => {
    const metadata = openSqliteStore(join(directory, 'metadata.db'));
    cleanups.push(() => metadata.close());
    return createLeases(metadata, () => now);
  };
  return {
    leases: open(),
    reopen: open,
    advance: (ms) => {
      now += ms;
    },
  };
});

contentStoreSuite('in files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-content-'));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const open = () => {
    const metadata = openSqliteStore(join(directory, 'metadata.db'));
    cleanups.push(() => metadata.close());
    return openLocalStore({ directory: join(directory, 'content'), metadata, logger: silentLogger() });
  };
  const store = open();
  return { store, reopen: open, damage: (digest) => writeFileSync(store.path(digest), 'damaged!') };
});
