import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '@gantry/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeOpenApiDocument } from '../src/http/openapi.ts';
import { applyMigrations } from '../src/persistence/migrate.ts';
import { diffSchemas } from '../src/persistence/schema-engine.ts';
import { findPrismaDirectory, readSchemaFiles } from '../src/persistence/schema-files.ts';

let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres?.stop();
});

async function query<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Everything that makes two schemas differ, as the catalogue tells it. */
async function describe(url: string): Promise<Record<string, unknown>> {
  const own = "table_schema = 'public' and table_name <> '_prisma_migrations'";
  return {
    columns: await query(
      url,
      `select table_name, column_name, udt_name, is_nullable, column_default from information_schema.columns where ${own} order by 1, 2`,
    ),
    indexes: await query(url, "select indexname, indexdef from pg_indexes where schemaname = 'public' and tablename <> '_prisma_migrations' order by 1"),
    constraints: await query(
      url,
      "select conname, pg_get_constraintdef(oid) as definition from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n' and conrelid <> coalesce(to_regclass('_prisma_migrations'), 0) order by 1",
    ),
    enums: await query(url, 'select typname, enumlabel from pg_enum join pg_type on pg_type.oid = enumtypid order by typname, enumsortorder'),
  };
}

test('prisma/migrations make exactly what prisma/schema says', async () => {
  const migrated = await postgres.createDatabase('migrated');
  const made = await postgres.createDatabase('made');
  await applyMigrations(migrated);
  await query(made, await diffSchemas(made, null, await readSchemaFiles(findPrismaDirectory())));
  expect(await describe(migrated)).toEqual(await describe(made));
});

test('migrations are applied once, also by replicas that start together, and are the ordinary ones of Prisma', async () => {
  const url = await postgres.createDatabase('twice');
  const applied = await Promise.all([applyMigrations(url), applyMigrations(url)]);
  expect(applied.map((names) => names.length > 0).sort()).toEqual([false, true]);
  expect(await applyMigrations(url)).toEqual([]);
  const rows = await query<{ finished_at: Date | null }>(url, 'select finished_at from _prisma_migrations');
  expect(rows.length).toBe(applied.flat().length);
  expect(rows.every((row) => row.finished_at !== null)).toBe(true);
});

test('a database of a newer version is left alone', async () => {
  const url = await postgres.createDatabase('newer');
  await applyMigrations(url);
  await query(url, "insert into _prisma_migrations (id, checksum, migration_name, finished_at) values ('x', 'x', '29990101000000_future', now())");
  await expect(applyMigrations(url)).rejects.toMatchObject({ cause: { message: expect.stringContaining('newer version (29990101000000_future)') } });
});

test('docs/openapi.json is what the api serves', async () => {
  const committed = JSON.parse(await readFile(join(findPrismaDirectory(), '../docs/openapi.json'), 'utf8'));
  expect(committed, 'run: node apps/api/tools/write-openapi.ts').toEqual(JSON.parse(JSON.stringify(await makeOpenApiDocument())));
});
