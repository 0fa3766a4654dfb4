import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureSystemUser } from '../setup/system-user.ts';
import { stopOrphans } from './orphans.ts';
import { type EmbeddedPostgres, startPostgres } from './postgres.ts';

let dataDir: string;
let running: EmbeddedPostgres[];
const signal = new AbortController().signal;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gantry-postgres-'));
  await chmod(dataDir, 0o711);
  running = [];
});

afterEach(async () => {
  for (const postgres of running) await postgres.child.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<EmbeddedPostgres> {
  const postgres = await startPostgres(dataDir, await ensureSystemUser(), signal);
  running.push(postgres);
  return postgres;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('what was committed survives kill -9 of the server', async () => {
  const first = await start();
  await query(first.url, 'create table kept (word text)');
  await query(first.url, "insert into kept values ('here')");
  process.kill(first.child.pid ?? 0, 'SIGKILL');
  await first.child.exited;
  const second = await start();
  expect(await query(second.url, 'select word from kept')).toEqual([{ word: 'here' }]);
});

test('a server left running by a killed start is stopped, and the next one takes over its data', async () => {
  const orphan = await start();
  await query(orphan.url, 'create table kept (word text)');
  expect(await stopOrphans(dataDir)).toEqual(['postgres']);
  await orphan.child.exited;
  const next = await start();
  expect(await query(next.url, 'select count(*)::int as rows from kept')).toEqual([{ rows: 0 }]);
});

test('a reused pid in postmaster.pid does not keep the server from starting', async () => {
  const first = await start();
  const pidFile = join(dataDir, 'postgres/data/postmaster.pid');
  const contents = await readFile(pidFile, 'utf8');
  await first.child.stop();
  await writeFile(pidFile, contents.replace(/^\d+/, String(process.pid)), { mode: 0o600 });
  const second = await start();
  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('the wrong password is refused', async () => {
  const { url } = await start();
  const wrong = new URL(url);
  wrong.password = 'guess';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
});
