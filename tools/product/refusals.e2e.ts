import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environment, root } from '../process/paths.ts';
import { type Finished, run } from '../process/run.ts';
import { freePort } from '../start/ports.ts';
import { Product } from './product.ts';

let product: Product;

beforeAll(async () => {
  product = await Product.create();
});

afterAll(async () => {
  expect(await product.destroy()).toEqual([]);
});

/** A start that must not succeed: its exit code and its words. */
const refused = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> =>
  run(process.execPath, ['tools/start.mjs', '--no-agent', '--data-dir', product.dataDir, ...args], { cwd: root, env: environment(env) });

test('a taken port is named together with the option that moves it', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { code, output } = await refused(['--port', String(port)]);
  server.close();
  expect(code).toBe(1);
  expect(output).toMatch(new RegExp(`Port ${port} on 127.0.0.1 is taken.*--port`, 's'));
});

test('an unreachable DATABASE_URL is named without its password', async () => {
  const port = await freePort();
  const { code, output } = await refused(['--port', String(await freePort())], { DATABASE_URL: `postgresql://me:hunter2@127.0.0.1:${port}/x` });
  expect(code).toBe(1);
  expect(output).toContain(`DATABASE_URL names 127.0.0.1:${port}, which cannot be reached`);
  expect(output).not.toContain('hunter2');
});

test('a data directory from a newer version is left alone', async () => {
  const dataDir = join(product.dataDir, 'newer');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'version'), '999\n');
  const { code, output } = await refused(['--data-dir', dataDir, '--port', String(await freePort())]);
  expect(code).toBe(1);
  expect(output).toMatch(/written by a newer version \(layout 999/);
});

test('a file where the data directory should be is an error that says so', async () => {
  const path = join(product.dataDir, 'file');
  await writeFile(path, '');
  const { code, output } = await refused(['--data-dir', join(path, 'below')]);
  expect(code).toBe(1);
  expect(output).toContain(`${path} is a file where the data directory or a parent of it should be`);
});

test('an unknown option prints the help', async () => {
  const { code, output } = await refused(['--prot', '1']);
  expect(code).toBe(1);
  expect(output).toContain('--data-dir DIR');
});

test('after all these refusals the control plane starts, and says why there is no agent', async () => {
  await product.start('--no-agent');
  expect(product.output).toContain('no agent on this host: --no-agent was given');
  expect((await fetch(`${product.url}/healthz`)).status).toBe(200);
  const second = await refused(['--port', String(await freePort())]);
  expect(second.code).toBe(1);
  expect(second.output).toMatch(/is in use by another process/);
});
