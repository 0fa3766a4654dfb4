import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build } from '../build/build.ts';
import { environment, root } from '../process/paths.ts';
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

test('a Compose file with an unknown key is refused with its name', async () => {
  const { code, output } = await gantry(['deploy', join(root, 'package.json'), '--name', 'wrong']);
  expect(code).toBe(1);
  expect(output).toContain('scripts: this key is not supported');
});
