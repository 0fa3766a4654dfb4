import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrFail } from '../process/run.ts';
import { runTap, type Suite } from './suite.ts';

/** github.com/opencontainers/runtime-tools: the specification's own validation. */
export const runtimeTools = (checkout: string): Suite => ({
  prepare: async () => {
    await runOrFail('make', ['runtimetest', 'validation-executables'], { cwd: checkout });
  },
  programs: async () => {
    const files = await readdir(join(checkout, 'validation'), { recursive: true });
    return files.filter((file) => file.endsWith('.t')).toSorted();
  },
  run: (program, runtime) => runTap([join(checkout, 'validation', program)], checkout, { RUNTIME: runtime }),
});
