import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import type { SchemaFile } from './schema-files.ts';

const require = createRequire(import.meta.url);

/** The standard WebAssembly global, which TypeScript has only among the browser's types. */
interface WebAssemblyGlobal {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ readonly instance: { readonly exports: Readonly<Record<string, unknown>> } }>;
}

interface EngineModule {
  readonly SchemaEngine: { new: (options: object, log: (line: string) => void, adapter: object) => Promise<SchemaEngine> };
  __wbg_set_wasm(exports: object): void;
}

let loading: Promise<EngineModule> | null = null;

/** The package is made for bundlers that import `.wasm`, so it is instantiated here by hand, and once: its glue holds one instance. */
async function loadEngine(): Promise<EngineModule> {
  Reflect.set(globalThis, 'PRISMA_WASM_PANIC_REGISTRY', {
    set_message: (message: string) => {
      throw new Error(`prisma's migration engine gave up: ${message}`);
    },
  });
  const glue: EngineModule = await import(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  const wasm = await readFile(join(dirname(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg')), 'schema_engine_bg.wasm'));
  // a global of every Node there is; see its interface above
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyGlobal };
  const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  const start = instance.exports.__wbindgen_start;
  if (typeof start === 'function') start();
  return glue;
}

/** Prisma's own migration engine, in this process: its command line would download a binary first. */
export async function openSchemaEngine(connectionString: string): Promise<SchemaEngine> {
  loading ??= loadEngine();
  const { SchemaEngine: Engine } = await loading;
  return Engine.new({}, () => undefined, bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString })));
}

/** prisma/migrations as Prisma's engine wants it, oldest first. */
export async function readMigrations(directory: string): Promise<MigrationList> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    baseDir: directory,
    lockfile: { path: 'migration_lock.toml', content: await readFile(join(directory, 'migration_lock.toml'), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (path) => ({
        path,
        migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: await readFile(join(directory, path, 'migration.sql'), 'utf8') } },
      })),
    ),
  };
}

export const wholeSchema = { externalTables: [], externalEnums: [] };

/** The SQL that makes `to` of `from`, null for an empty database; empty when they are the same. The engine wants a connection, and leaves the database alone. */
export async function diffSchemas(connectionString: string, from: SchemaFile[] | null, to: SchemaFile[]): Promise<string> {
  const engine = await openSchemaEngine(connectionString);
  try {
    const { stdout } = await engine.diff({
      from: from === null ? { tag: 'empty' } : { tag: 'schemaDatamodel', files: from },
      to: { tag: 'schemaDatamodel', files: to },
      script: true,
      exitCode: null,
      filters: wholeSchema,
    });
    return stdout === null || stdout.includes('This is an empty migration') ? '' : stdout;
  } finally {
    engine.free();
  }
}
