import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EngineContainer, listContainers, pidOfContainer } from './containers.ts';
import { eventually } from './eventually.ts';
import { Product } from './product.ts';

let product: Product;

beforeAll(async () => {
  product = await Product.create();
  await product.start();
});

afterAll(async () => {
  expect(await product.destroy()).toEqual([]);
});

interface Running {
  readonly id: string;
  readonly pid: number;
}

async function demoProcesses(): Promise<Running[]> {
  const running = (await listContainers(product.engineSocket)).filter(({ State }: EngineContainer) => State === 'running');
  const found = await Promise.all(running.map(async ({ Id }) => ({ id: Id, pid: await pidOfContainer(product.engineSocket, Id) })));
  return found.sort((a, b) => a.id.localeCompare(b.id));
}

const isDemoAnswering = async (): Promise<boolean> => (await fetch(product.demoUrl)).ok;

test('the first start runs two tasks of the demo, which answer on the published port', async () => {
  await eventually('two containers run', async () => (await demoProcesses()).length === 2);
  expect(await (await fetch(product.demoUrl)).text()).toContain('Gantry demo');
});

test.each(['api', 'agent', 'postgres'] as const)('kill -9 of the %s ends the start, and the next start finds the same processes', async (part) => {
  const before = await demoProcesses();
  expect(before).toHaveLength(2);
  await product.killPart(part);
  expect(await product.ended()).toBe(1);
  expect(product.output).toContain(`${part} ended (SIGKILL)`);
  await product.start();
  await eventually('the demo answers', isDemoAnswering);
  expect(await demoProcesses()).toEqual(before);
});

test('kill -9 of the start itself leaves nothing in the way of the next one', async () => {
  const before = await demoProcesses();
  await product.kill();
  await product.start();
  expect(product.output).toContain('stopped what an earlier start left running');
  await eventually('the demo answers', isDemoAnswering);
  expect(await demoProcesses()).toEqual(before);
});

test('Ctrl-C stops everything but the containers', async () => {
  const before = await demoProcesses();
  expect(await product.stop()).toBe(0);
  expect(before.map(({ pid }) => process.kill(pid, 0))).toEqual([true, true]);
  await product.start();
  expect(await demoProcesses()).toEqual(before);
});
