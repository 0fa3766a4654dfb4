import { defineConfig } from 'vitest/config';

/** For working on the dashboard alone: `vitest run --config apps/web/e2e/vitest.config.ts console` needs a build and nothing else. */
export default defineConfig({
  test: { root: import.meta.dirname, include: ['**/*.e2e.ts'], fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 },
});
