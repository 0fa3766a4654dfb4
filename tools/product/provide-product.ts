import type { TestProject } from 'vitest/node';
import { Product } from './product.ts';

/** Where the running product is, for tests that drive it from a browser: `inject('product')`. */
export interface ProvidedProduct {
  readonly url: string;
  readonly email: string;
  readonly password: string;
  readonly demoUrl: string;
  readonly engineSocket: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    product: ProvidedProduct;
  }
}

/** vitest's global set-up: one product with its demo for all browser tests, gone without a trace afterwards. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const product = await Product.create();
  const tearDown = async () => {
    const left = await product.destroy();
    if (left.length > 0) throw new Error(`the product left behind:\n${left.join('\n')}`);
  };
  try {
    await product.start();
    const { url, demoUrl, engineSocket } = product;
    project.provide('product', { url, demoUrl, engineSocket, ...(await product.credentials()) });
    return tearDown;
  } catch (cause) {
    await tearDown();
    throw cause;
  }
}
