import { defineConfig } from 'vitest/config';

const sources = (suffix: string) => [
  `apps/*/src/**/*.${suffix}`,
  `apps/*/test/**/*.${suffix}`,
  `apps/web/**/*.${suffix}`,
  `libs/**/*.${suffix}`,
  `tools/**/*.${suffix}`,
];
/** What must come true by itself may take as long as a busy machine needs: how fast is for bench/. */
const patience = { poll: { timeout: 30_000, interval: 100 } };
const exclude = ['**/node_modules/**', '**/dist/**', '**/.next/**', '**/target/**', '**/e2e/**'];

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: [...sources('spec.ts'), ...sources('spec.tsx')], exclude, testTimeout: 60_000, expect: patience } },
      {
        // The kernel is one shared resource: one file at a time, with room for a cold Postgres.
        test: {
          name: 'integration',
          include: sources('test.ts'),
          exclude,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: patience,
        },
      },
      {
        // The whole product as a person runs it; each file has one of its own.
        test: { name: 'e2e', include: ['tools/{product,cluster}/**/*.e2e.ts'], fileParallelism: false, testTimeout: 300_000, hookTimeout: 400_000 },
      },
      {
        // The built dashboard in Chromium, against a control plane of its own making: every state, also those a real one is rarely in.
        test: {
          name: 'dashboard',
          include: ['apps/web/e2e/*.e2e.ts'],
          exclude: ['**/node_modules/**', 'apps/web/e2e/product.e2e.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        // The whole product in Chromium: inject('product') says where it is.
        test: {
          name: 'browser',
          include: ['apps/web/e2e/product.e2e.ts'],
          globalSetup: 'tools/product/provide-product.ts',
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
