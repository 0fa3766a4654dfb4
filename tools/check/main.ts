import { endWithFailure } from '../process/report.ts';
import { setUp } from '../setup/setup.ts';

async function main(): Promise<void> {
  await setUp({ purposes: [], needsRust: true, needsRustLinters: true });
  const { build } = await import('../build/build.ts');
  const { runChecks } = await import('./run-checks.ts');
  await build(['prisma']);
  const { passed, failed } = await runChecks();
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
}

await main().catch(endWithFailure);
