import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startPostgres } from '@gantry/testing/postgres';
import { diffSchemas } from '../src/persistence/schema-engine.ts';
import { findPrismaDirectory, readSchemaFiles, type SchemaFile } from '../src/persistence/schema-files.ts';

/** `node apps/api/tools/create-migration.ts NAME`: writes the migration from the committed prisma/schema to the one in the tree. */
const [name] = process.argv.slice(2);
if (name === undefined) throw new Error('usage: create-migration NAME');
const prisma = findPrismaDirectory();

function git(...words: string[]): string {
  return execFileSync('git', words, { cwd: prisma, encoding: 'utf8' });
}

function readCommittedSchema(): SchemaFile[] | null {
  const names = git('ls-tree', '--name-only', 'HEAD', 'schema/').split('\n').filter(Boolean);
  return names.length === 0 ? null : names.map((path) => ({ path: join(prisma, path), content: git('show', `HEAD:./${path}`) }));
}

const postgres = await startPostgres();
try {
  const sql = await diffSchemas(postgres.url, readCommittedSchema(), await readSchemaFiles(prisma));
  if (sql === '') {
    process.stdout.write('prisma/schema has not changed\n');
  } else {
    const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const directory = join(prisma, 'migrations', `${stamp}_${name}`);
    await mkdir(directory);
    await writeFile(join(directory, 'migration.sql'), sql);
    process.stdout.write(`${directory}\n`);
  }
} finally {
  await postgres.stop();
}
