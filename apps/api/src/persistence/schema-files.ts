import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface SchemaFile {
  readonly path: string;
  readonly content: string;
}

/** The repository's prisma/ directory, looked for upwards: the bundle and the sources sit at different depths below it. */
export function findPrismaDirectory(from = import.meta.dirname): string {
  for (let directory = from; directory !== dirname(directory); directory = dirname(directory)) {
    const found = join(directory, 'prisma');
    if (existsSync(join(found, 'migrations', 'migration_lock.toml'))) return found;
  }
  throw new Error(`find prisma/migrations above ${from}`);
}

export async function readSchemaFiles(prismaDirectory: string): Promise<SchemaFile[]> {
  const directory = join(prismaDirectory, 'schema');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.prisma')).sort();
  return Promise.all(names.map(async (name) => ({ path: join(directory, name), content: await readFile(join(directory, name), 'utf8') })));
}
