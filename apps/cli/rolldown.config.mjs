import { defineConfig } from 'rolldown';

export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  external: ['bufferutil', 'utf-8-validate'],
  output: { file: 'dist/main.js', format: 'esm', sourcemap: true, codeSplitting: false, banner: '#!/usr/bin/env node' },
});
