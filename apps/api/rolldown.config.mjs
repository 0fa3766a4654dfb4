import { defineConfig } from 'rolldown';

const bundled = ['@gantry/', '@oxc-project/runtime/', '.', '/', 'src/', '\0'];

/** The workspace's own code in one file; npm packages stay where npm put them. Nest injects by the metadata that the decorators' types leave. */
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  external: (id) => !bundled.some((prefix) => id.startsWith(prefix)),
  transform: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  output: { file: 'dist/main.js', format: 'esm', sourcemap: true, codeSplitting: false },
});
