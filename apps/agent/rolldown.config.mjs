import { defineConfig } from 'rolldown';

/** One file with everything in it: a node needs Node and this, no node_modules. */
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  // ws runs without its optional native helpers.
  external: ['bufferutil', 'utf-8-validate'],
  output: { file: 'dist/main.js', format: 'esm', sourcemap: true, codeSplitting: false },
});
