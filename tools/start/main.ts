import { endWithFailure } from '../process/report.ts';
import { isRoot } from '../setup/debian-packages.ts';
import { setUp } from '../setup/setup.ts';
import { parseOptions, type StartOptions } from './options.ts';
import { assertDataDirUsable, assertHostRunsContainers } from './preflight.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Aborts at the first signal, or when the process that started us on an older Node is gone. Later signals change nothing: stopping has its own limits. */
function stopRequested(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, () => controller.abort());
  process.channel?.unref();
  return controller.signal;
}

async function prepare(options: StartOptions): Promise<void> {
  if (options.agent) await assertHostRunsContainers();
  else say(`• no agent on this host: ${isRoot() ? '--no-agent was given' : 'it needs root, and --no-agent was given'}`);
  await assertDataDirUsable(options.dataDir);
  await setUp({ purposes: options.agent ? ['start'] : [], needsRust: options.agent });
  const { build } = await import('../build/build.ts');
  await build(options.agent ? ['prisma', 'api', 'web', 'agent', 'executor'] : ['prisma', 'api', 'web']);
}

async function runUntilStopped(options: StartOptions, signal: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  const { startSession } = await import('./session.ts');
  const session = await startSession(options, signal);
  say(options.agent ? '\n  Ctrl-C stops Gantry; containers keep running.\n' : '\n  Ctrl-C stops Gantry.\n');
  try {
    await Promise.race([session.failed, stopped]);
  } finally {
    say('• stopping');
    await session.stop();
  }
  say(options.agent ? '• stopped; containers keep running' : '• stopped');
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) return;
  const signal = stopRequested();
  try {
    await prepare(options);
    if (!signal.aborted) await runUntilStopped(options, signal);
  } catch (cause) {
    if (!signal.aborted) throw cause;
    say('• stopped before everything was up');
  }
}

// Nobody reads any more (`npm start | head`): that is no reason to leave children without their parent.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

await main().catch(endWithFailure);
