import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SimulatedAgent } from '@gantry/testing/agent';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build } from '../build/build.ts';
import { environment, root } from '../process/paths.ts';
import { eventually } from './eventually.ts';
import { Product } from './product.ts';

let product: Product;

beforeAll(async () => {
  await build(['cli']);
  product = await Product.create();
  await product.start('--no-agent');
});

afterAll(async () => {
  expect(await product.destroy()).toEqual([]);
});

/** Runs `gantry` as a user whose home is inside the product's data directory. */
async function gantry(args: readonly string[], input = ''): Promise<{ code: number | null; output: string }> {
  const env = environment({ XDG_CONFIG_HOME: join(product.dataDir, 'home'), DEMO_PORT: '18088' });
  const child = spawn(process.execPath, [join(root, 'apps/cli/dist/main.js'), ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, output: stdout + stderr };
}

test('without signing in, it says how to', async () => {
  const { code, output } = await gantry(['ps']);
  expect(code).toBe(1);
  expect(output).toContain('run `gantry login URL`');
});

test('a wrong password is refused', async () => {
  const { code, output } = await gantry(['login', product.url, '--password-stdin'], 'guess\n');
  expect(code).toBe(1);
  expect(output).toContain('wrong email or password');
});

test('signs in with the first password, and deploys, lists, scales and removes a stack', async () => {
  const { password } = await product.credentials();
  expect((await gantry(['login', product.url, '--password-stdin'], `${password}\n`)).output).toContain('Signed in');
  expect((await gantry(['deploy', join(root, 'apps/cli/demo/compose.yaml')])).output).toContain('Stack demo: demo_web');
  expect((await gantry(['services'])).output).toMatch(/demo_web +demo +0\/2 .*18088->8080\/tcp/);
  expect((await gantry(['scale', 'demo_web', '3'])).output).toContain('3 tasks wanted');
  expect((await gantry(['services'])).output).toMatch(/demo_web +demo +0\/3/);
  expect((await gantry(['service', 'revisions', 'demo_web'])).output).toMatch(/2 +\S+ +3 +\S+\n1 +wanted +\S+ +2 /);
  expect((await gantry(['service', 'rollback', 'demo_web', '1'])).output).toContain('as revision 3');
  expect((await gantry(['services'])).output).toMatch(/demo_web +demo +0\/2/);
  expect((await gantry(['rm', 'demo'])).output).toContain('being removed');
});

test('explains what is pending, and drains, pauses and labels a node', async () => {
  expect((await gantry(['node', 'drain', 'nowhere'])).output).toContain('no node is called nowhere');
  const agent = new SimulatedAgent({ serverUrl: product.url, joinToken: (await gantry(['join-token'])).output.trim().split(' ').at(-1) ?? '', name: 'one' });
  try {
    await agent.connect();
    await agent.until(() => agent.isConnected);
    expect((await gantry(['node', 'label', 'one', 'disk=ssd', 'zone=a'])).output).toContain('one: disk=ssd zone=a');
    expect((await gantry(['node', 'label', 'one', 'zone-'])).output).toContain('one: disk=ssd\n');
    expect((await gantry(['node', 'pause', 'one'])).output).toContain('it keeps its tasks');
    expect((await gantry(['node', 'drain', 'one'])).output).toContain('its tasks move to other nodes');
    const folder = join(product.dataDir, 'why');
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'compose.yaml'),
      'services: { web: { image: busybox, deploy: { replicas: 2 } }, later: { image: busybox, depends_on: [web] } }',
    );
    await gantry(['deploy', join(folder, 'compose.yaml')]);
    const explained = async (what: string) => (await gantry(['why', what])).output;
    await eventually('the service says why it waits', async () => (await explained('why_web')).includes('no node can take it: one is drained'));
    expect(await explained('why_web')).toMatch(/why_web is pending: 0 of 2 tasks run\n.*and 1 more like it/s);
    expect(await explained('why_later.1')).toMatch(/why_later\.1 \(\w{25}\) is pending\n {2}waits for service why_web to start: 0 of 2 tasks have/);
    expect((await gantry(['node', 'activate', 'one'])).output).toContain('one: it takes tasks');
    await eventually('all of it runs', async () => (await explained('why_later')).includes('1 of 1 tasks run'));
    expect((await gantry(['dead-letters', 'ls'])).output).toMatch(/^LOOP +KEY +FAILURES/);
    expect((await gantry(['dead-letters', 'run', 'service', 'nothing'])).output).toContain('there is no dead letter service nothing');
    await gantry(['rm', 'why']);
  } finally {
    agent.close();
  }
});

test('keeps secrets and configs, and brings along those of a Compose file', async () => {
  const id = (await gantry(['secret', 'create', 'api-key', '--label', 'team=shop'], 'swordfish')).output.trim();
  expect(id).toMatch(/^[0-9a-z]{25}$/);
  const inspected = (await gantry(['secret', 'inspect', 'api-key'])).output;
  expect(JSON.parse(inspected)).toMatchObject({ id, labels: { team: 'shop' }, versions: [{ number: 1, sizeBytes: 9 }] });
  expect(inspected).not.toContain('swordfish');
  const folder = join(product.dataDir, 'shop');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'db.txt'), 'first');
  await writeFile(
    join(folder, 'compose.yaml'),
    `services: { web: { image: nginx, secrets: [db, key], configs: [{ source: conf, target: /etc/conf, mode: 0440 }] } }
secrets: { db: { file: ./db.txt }, key: { external: true, name: api-key } }
configs: { conf: { content: "colour = blue" } }`,
  );
  expect((await gantry(['deploy', join(folder, 'compose.yaml')])).output).toContain('Stack shop: shop_web');
  expect((await gantry(['secret', 'ls'])).output).toMatch(/api-key +1 +\S+ +shop_web\nshop_db +1 +\S+ +shop_web/);
  expect((await gantry(['config', 'inspect', 'shop_conf'])).output).toContain('colour = blue');
  await writeFile(join(folder, 'db.txt'), 'second');
  await gantry(['deploy', join(folder, 'compose.yaml')]);
  expect((await gantry(['secret', 'ls'])).output).toMatch(/api-key +1 .*\nshop_db +2 /);
  expect((await gantry(['secret', 'rotate', 'api-key'], 'trout')).output).toContain('version 2; the tasks of shop_web are being replaced');
  const refused = await gantry(['secret', 'rm', 'api-key']);
  expect(refused).toEqual({ code: 1, output: expect.stringContaining('secret api-key is used by shop_web') });
  await gantry(['rm', 'shop']);
  await eventually('the secret that came with the stack is gone', async () => !(await gantry(['secret', 'ls'])).output.includes('shop'));
  expect((await gantry(['config', 'ls'])).output).not.toContain('shop_conf');
  expect((await gantry(['secret', 'rm', 'api-key'])).code).toBe(0);
});

test('runs jobs, shows how they went, and suspends a schedule', async () => {
  const folder = join(product.dataDir, 'jobs');
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'compose.yaml'),
    `services:
  once: { image: busybox, deploy: { mode: replicated-job, replicas: 2 } }
  nightly: { image: busybox, x-cron: { schedule: "0 3 * * *", time_zone: Europe/Berlin } }`,
  );
  expect((await gantry(['deploy', join(folder, 'compose.yaml')])).output).toContain('jobs_nightly, jobs_once');
  await eventually('the job has begun', async () => (await gantry(['job', 'history', 'jobs_once'])).output.includes('1    running  by hand'));
  expect((await gantry(['job', 'ls'])).output).toMatch(/jobs_nightly +0 3 \* \* \* Europe\/Berlin +converged +next at/);
  expect((await gantry(['job', 'run', 'jobs_nightly'])).output).toContain('run 1 begins');
  expect((await gantry(['job', 'cancel', 'jobs_nightly', '1'])).output).toContain('run 1 is cancelled');
  await gantry(['job', 'suspend', 'jobs_nightly']);
  expect((await gantry(['job', 'ls'])).output).toContain('Europe/Berlin (suspended)');
  expect((await gantry(['job', 'resume', 'jobs_nightly'])).output).toContain('runs by its schedule again');
  expect((await gantry(['rm', 'jobs'])).code).toBe(0);
});

test('a Compose file with an unknown key is refused with its name', async () => {
  const { code, output } = await gantry(['deploy', join(root, 'package.json'), '--name', 'wrong']);
  expect(code).toBe(1);
  expect(output).toContain('scripts: this key is not supported');
});
