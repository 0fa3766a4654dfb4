import { defineConfig } from 'rolldown';

const inlined = /^(\.|\/|\0|@gantry\/|@oxc-project\/runtime\/)/;

/** Our own code in one file a thread; npm packages stay in node_modules. Decorators are compiled as tsconfig.json says. */
const bundle = (name) => ({
  input: `src/${name}.ts`,
  platform: 'node',
  tsconfig: 'tsconfig.json',
  external: (id) => !inlined.test(id),
  output: { file: `dist/${name}.js`, format: 'esm', sourcemap: true, codeSplitting: false },
});

export default defineConfig([bundle('main'), bundle('reconciling')]);
