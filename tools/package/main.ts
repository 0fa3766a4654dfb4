import { endWithFailure } from '../process/report.ts';
import { setUp } from '../setup/setup.ts';

async function main(): Promise<void> {
  await setUp({ purposes: [], needsRust: true });
  const { packageAgent } = await import('./package.ts');
  process.stdout.write(`\n${await packageAgent()}\n`);
}

await main().catch(endWithFailure);
