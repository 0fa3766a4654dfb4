import { binary, root } from '../process/paths.ts';
import { type Finished, run } from '../process/run.ts';
import { checkHouseRules } from './house-rules.ts';

export interface Check {
  readonly name: string;
  readonly run: () => Promise<Finished>;
}

const executor = { cwd: `${root}/apps/agent/executor` };

/** Everything that must hold before a commit; each is fast alone, and quick to say why not. */
export const checks: readonly Check[] = [
  { name: 'format and lint', run: () => run(binary('biome'), ['check', '--error-on-warnings', '--max-diagnostics=50', '.']) },
  { name: 'types', run: () => run(binary('nx'), ['run-many', '-t', 'typecheck', '--output-style=static', '--parallel=2']) },
  {
    name: 'dependency direction and cycles',
    run: () => run(binary('depcruise'), ['apps', 'libs', 'tools', 'bench', '--config', '.dependency-cruiser.mjs', '--output-type', 'err-long']),
  },
  { name: 'dead code', run: () => run(binary('knip'), ['--no-progress', '--treat-config-hints-as-errors']) },
  { name: 'house rules', run: checkHouseRules },
  { name: 'Rust format', run: () => run('cargo', ['fmt', '--all', '--check'], executor) },
  { name: 'Rust lint', run: () => run('cargo', ['clippy', '--workspace', '--all-targets', '--locked', '--quiet', '--', '-D', 'warnings'], executor) },
  {
    // Not among all targets: it is for the virtual machine alone.
    name: 'Rust lint of the virtual machine tests',
    run: () => run('cargo', ['clippy', '--test', 'unified', '--locked', '--quiet', '--', '-D', 'warnings'], executor),
  },
];
