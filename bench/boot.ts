import type { Bench, Measure } from '../tools/bench/bench.ts';
import { build } from '../tools/build/build.ts';
import { Product } from '../tools/product/product.ts';
import { ping } from '../tools/start/engine-client.ts';

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

async function untilAnswers(url: string): Promise<void> {
  const isAnswering = () =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isAnswering())) await pause();
}

async function untilEngineAnswers(socketPath: string): Promise<void> {
  while (!(await ping(socketPath))) await pause();
}

/** Seconds from `npm start` until `isUp`; returns when everything is. A start that fails is the measurement's failure. */
async function secondsUntil(product: Product, isUp: () => Promise<void>): Promise<number> {
  const started = performance.now();
  const up = product.start();
  await Promise.race([isUp(), up]);
  const seconds = (performance.now() - started) / 1000;
  await up;
  return seconds;
}

/** Everything built, nothing in the data directory: initdb, migrations, first join, demo image, first tasks. */
const cold: Measure = async () => {
  const product = await Product.create();
  try {
    return await secondsUntil(product, () => untilAnswers(product.demoUrl));
  } finally {
    await product.destroy();
  }
};

const limit = (value: number) => ({ name: 'limit', measure: async () => value });

export const bench: Bench = {
  name: 'boot',
  rounds: 5,
  open: async () => {
    await build(['prisma', 'api', 'web', 'agent', 'executor']);
    const product = await Product.create();
    await product.start();
    const warm =
      (isUp: () => Promise<void>): Measure =>
      async () => {
        await product.stop();
        return secondsUntil(product, isUp);
      };
    return {
      cases: [
        { name: 'cold: npm start on an empty data directory → demo answers', unit: 's', ours: cold, rival: null, wanted: null },
        { name: 'warm: npm start → dashboard answers', unit: 's', ours: warm(() => untilAnswers(`${product.url}/sign-in`)), rival: limit(10), wanted: '<= 1' },
        {
          name: 'warm: npm start → engine socket answers',
          unit: 's',
          ours: warm(() => untilEngineAnswers(product.engineSocket)),
          rival: limit(10),
          wanted: '<= 1',
        },
      ],
      close: async () => {
        await product.destroy();
      },
    };
  },
};
