// Nx plugin: every folder with a tsconfig.json is typechecked, and its specs run, without a line in its package.json.
import { dirname } from 'node:path';

const targetsOf = (root) => ({
  typecheck: {
    command: `tsc -p ${root}`,
    cache: true,
    inputs: ['sources', '^sources', 'sharedGlobals', ...(root === 'tools' ? ['{workspaceRoot}/bench/**/*.ts'] : [])],
  },
  test: {
    command: `vitest run --project unit --passWithNoTests ${root}/`,
    cache: true,
    inputs: ['sources', '^sources', 'sharedGlobals', '{workspaceRoot}/vitest.config.ts'],
  },
});

export const createNodes = [
  '{apps/*,libs/*,tools}/tsconfig.json',
  (files) =>
    files.map((file) => {
      const root = dirname(file);
      return [file, { projects: { [root]: { root, targets: targetsOf(root) } } }];
    }),
];
