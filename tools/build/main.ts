import { endWithFailure } from '../process/report.ts';
import { setUp } from '../setup/setup.ts';

async function main(): Promise<void> {
  await setUp({ purposes: ['start'], needsRust: true });
  const { build } = await import('./build.ts');
  await build(['prisma', 'api', 'agent', 'cli', 'web', 'executor']);
}

await main().catch(endWithFailure);
