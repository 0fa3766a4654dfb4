import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { executorDirectory } from '../build/targets.ts';
import { runChecks } from '../check/run-checks.ts';
import { binary } from '../process/paths.ts';
import { run } from '../process/run.ts';
import { executorTests } from '../virtual-machine/executor-tests.ts';
import { fromCargo, fromVitest, type Tally } from './tally.ts';

export interface Stage {
  readonly name: string;
  readonly run: () => Promise<Tally>;
}

const show = (chunk: string): void => void process.stdout.write(chunk);

async function cargoTest(): Promise<Tally> {
  const { code, output } = await run('cargo', ['test', '--workspace', '--locked', '--no-fail-fast', '--quiet'], { cwd: executorDirectory, onOutput: show });
  return fromCargo(output, code);
}

/** The JSON report counts; what a person reads is the ordinary one. */
async function vitest(project: string): Promise<Tally> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-report-'));
  const report = join(directory, 'report.json');
  try {
    const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const { code } = await run(binary('vitest'), args, { onOutput: show });
    // vitest wrote it; when it could not, the run failed and null says so.
    const text = await readFile(report, 'utf8').catch(() => null);
    return fromVitest(text === null ? null : JSON.parse(text), code);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export const stages: readonly Stage[] = [
  { name: 'checks', run: runChecks },
  { name: 'Rust tests', run: cargoTest },
  { name: 'virtual machine tests', run: () => executorTests(show) },
  { name: 'unit tests', run: () => vitest('unit') },
  { name: 'integration tests', run: () => vitest('integration') },
  { name: 'end-to-end tests', run: () => vitest('e2e') },
  { name: 'dashboard tests', run: () => vitest('dashboard') },
  { name: 'browser tests', run: () => vitest('browser') },
];
