import type { Bench, Measure } from '../tools/bench/bench.ts';
import { build } from '../tools/build/build.ts';
import { Product } from '../tools/product/product.ts';

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
};

async function untilAnswers(url: string): Promise<void> {
  while (
    !(await fetch(url).then(
      (response) => response.ok,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Everything built, nothing in the data directory: initdb, migrations, first join, demo image, first tasks. */
const cold: Measure = async () => {
  const product = await Product.create();
  try {
    return await seconds(async () => {
      void product.start().catch(() => undefined);
      await untilAnswers(product.demoUrl);
    });
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
      (url: string): Measure =>
      async () => {
        await product.stop();
        const starting = seconds(() => untilAnswers(url));
        await product.start();
        return starting;
      };
    return {
      cases: [
        { name: 'cold: npm start on an empty data directory → demo answers', unit: 's', ours: cold, rival: null, wanted: null },
        { name: 'warm: npm start → dashboard answers', unit: 's', ours: warm(`${product.url}/sign-in`), rival: limit(10), wanted: '<= 1' },
        { name: 'warm: npm start → demo answers', unit: 's', ours: warm(product.demoUrl), rival: limit(10), wanted: '<= 1' },
      ],
      close: async () => {
        await product.destroy();
      },
    };
  },
};
