import { describeError, GantryError } from '@gantry/platform/errors';
import { createLogger } from '@gantry/platform/node';
import { readConfig } from './config.ts';
import { startAgent } from './wire.ts';

/** For service supervisors: what the user got wrong is not mended by starting again. */
const exitCodes = { operational: 1, user: 2, bug: 70 } as const;

/** Starts the agent and runs it until SIGTERM or SIGINT; a second signal does not wait. */
async function run(): Promise<void> {
  const config = readConfig();
  const logger = createLogger({ name: 'agent', level: config.logLevel });
  const agent = await startAgent(config, logger);
  logger.info({ socket: config.engineSocket, serverUrl: config.serverUrl }, 'the agent is running');
  await untilSignal();
  process.once('SIGTERM', () => process.exit(1)).once('SIGINT', () => process.exit(1));
  await agent.close();
}

function untilSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once('SIGTERM', () => resolve()).once('SIGINT', () => resolve());
  return promise;
}

function explain(error: unknown): number {
  const kind = error instanceof GantryError ? error.kind : 'bug';
  process.stderr.write(`gantry-agent: ${describeError(error)}.\n`);
  if (kind === 'bug' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCodes[kind];
}

process.exit(await run().then(() => 0, explain));
