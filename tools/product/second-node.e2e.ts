import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageAgent } from '../package/package.ts';
import { runOrFail } from '../process/run.ts';
import { listContainers } from './containers.ts';
import { eventually } from './eventually.ts';
import { Product } from './product.ts';

let product: Product;
let unpacked: string;
let agent: ChildProcess | null = null;

beforeAll(async () => {
  product = await Product.create();
  unpacked = join(product.dataDir, 'unpacked');
  await mkdir(unpacked);
  await runOrFail('tar', ['-xzf', await packageAgent(), '-C', unpacked, '--strip-components=1']);
  await product.start('--no-agent');
});

afterAll(async () => {
  if (agent && agent.exitCode === null) {
    agent.kill('SIGTERM');
    await once(agent, 'exit');
  }
  await rm(unpacked, { recursive: true, force: true });
  expect(await product.destroy()).toEqual([]);
});

interface ListedNode {
  readonly spec: { readonly name: string };
  readonly status: { readonly state: string };
}

test('the packaged command line runs with the Node it brings', async () => {
  expect(await runOrFail(join(unpacked, 'bin/gantry'), ['--version'], { env: { PATH: '/bin:/usr/bin' } })).toMatch(/^\d+\.\d+\.\d+$/m);
});

test('a host with nothing but the package joins as a node', async () => {
  const rest = await product.signIn();
  const { token } = await rest.call<{ token: string }>('POST', '/nodes/join-tokens', {});
  const { bridge, cgroupParent } = product.names;
  const args = ['join', product.url, token, '--name', 'second', '--data-dir', join(product.dataDir, 'second')];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', GANTRY_BRIDGE: bridge, GANTRY_SUBNET: product.subnet, GANTRY_CGROUP_PARENT: cgroupParent };
  agent = spawn(join(unpacked, 'bin/gantry'), args, { env, stdio: 'inherit' });
  await eventually('the node "second" is ready', async () => {
    const { items } = await rest.call<{ items: ListedNode[] }>('GET', '/nodes');
    return items.some(({ spec, status }) => spec.name === 'second' && status.state === 'ready');
  });
  expect(await listContainers(join(product.dataDir, 'second/run/engine.sock'))).toEqual([]);
});
