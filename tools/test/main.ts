import { endWithFailure } from '../process/report.ts';
import { setUp } from '../setup/setup.ts';
import { add, none, type Tally } from './tally.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const describe = ({ passed, failed }: Tally): string => `${passed} passed, ${failed} failed`;

const namedFailures = 30;

/** A stage that fails does not keep later ones from running: one run shows everything that is wrong. */
async function runStages(wanted: readonly string[]): Promise<Tally> {
  const { stages } = await import('./stages.ts');
  const chosen = wanted.length === 0 ? stages : stages.filter((stage) => wanted.some((word) => stage.name.toLowerCase().startsWith(word)));
  const summary: string[] = [];
  let total = none;
  for (const stage of chosen) {
    say(`\n━━ ${stage.name}`);
    const started = performance.now();
    const tally = await stage.run().catch((cause): Tally => {
      endWithFailure(cause);
      return { passed: 0, failed: 1 };
    });
    total = add(total, tally);
    summary.push(`  ${stage.name}: ${describe(tally)} (${((performance.now() - started) / 1000).toFixed(0)} s)`);
    const failures = tally.failures ?? [];
    summary.push(...failures.slice(0, namedFailures).map((name) => `    ✘ ${name}`));
    if (failures.length > namedFailures) summary.push(`    … and ${failures.length - namedFailures} more`);
  }
  say(`\n━━ summary\n${summary.join('\n')}\n`);
  return total;
}

async function main(): Promise<Tally> {
  try {
    await setUp({ purposes: ['start', 'test'], needsRust: true, needsRustLinters: true });
    const { build } = await import('../build/build.ts');
    await build(['prisma', 'api', 'agent', 'cli', 'web', 'executor']);
  } catch (cause) {
    endWithFailure(cause);
    return { passed: 0, failed: 1 };
  }
  return runStages(process.argv.slice(2).map((word) => word.toLowerCase()));
}

const total = await main();
// The last line is for machines: nothing may follow it.
say(describe(total));
process.exitCode = total.failed === 0 ? 0 : 1;
