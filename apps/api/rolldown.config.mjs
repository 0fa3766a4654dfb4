import { defineConfig } from 'rolldown';

const inlined = /^(\.|\/|\0|@gantry\/|@oxc-project\/runtime\/)/;

/** Our own code in one file; npm packages stay in node_modules. Decorators are compiled as tsconfig.json says. */
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  tsconfig: 'tsconfig.json',
  external: (id) => !inlined.test(id),
  output: { file: 'dist/main.js', format: 'esm', sourcemap: true, codeSplitting: false },
});
