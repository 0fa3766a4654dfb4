import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { operational, whileTrying } from '@gantry/platform/errors';
import { Client } from 'pg';
import { openSchemaEngine, readMigrations, wholeSchema } from './schema-engine.ts';
import { findPrismaDirectory } from './schema-files.ts';

/** Any number that no other user of advisory locks in this database takes. */
const migrationLock = 4_400_001;

async function readApplied(client: Client): Promise<Set<string> | null> {
  const table = await client.query<{ name: string | null }>(`select to_regclass('_prisma_migrations')::text as name`);
  if (table.rows[0]?.name == null) return null;
  const rows = await client.query<{ migration_name: string }>(
    'select migration_name from _prisma_migrations where finished_at is not null and rolled_back_at is null',
  );
  return new Set(rows.rows.map((row) => row.migration_name));
}

/** Takes the database to prisma/migrations; of several replicas that start at once, one does it and the others wait. */
export async function applyMigrations(connectionString: string): Promise<string[]> {
  const directory = join(findPrismaDirectory(), 'migrations');
  const known = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const client = new Client({ connectionString, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
  } catch (cause) {
    throw operational('unavailable', 'connect to postgres', { cause });
  }
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    const applied = await readApplied(client);
    const newer = [...(applied ?? [])].filter((name) => !known.includes(name)).sort();
    if (newer.length > 0) throw operational('unsupported', `the database was migrated by a newer version (${newer.join(', ')})`);
    if (applied !== null && known.every((name) => applied.has(name))) return [];
    const engine = await openSchemaEngine(connectionString);
    try {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList: await readMigrations(directory), filters: wholeSchema });
      return appliedMigrationNames;
    } finally {
      engine.free();
    }
  } catch (cause) {
    throw whileTrying('migrate the database', cause);
  } finally {
    await client.end();
  }
}
