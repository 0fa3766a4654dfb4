import { describeError } from '@gantry/platform/errors';
import { readConfig } from './config.ts';
import { createLogger } from './logger.ts';
import { startReconcilerThread } from './reconcilers/reconciler-thread.ts';
import { startServer } from './server.ts';

const advice = 'Check DATABASE_URL and that Postgres takes connections there, that GANTRY_PORT is free, and that GANTRY_FIRST_PASSWORD_FILE can be written.';

async function main(): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  const server = await startServer(config, logger, () => startReconcilerThread(new URL('reconciling.js', import.meta.url), config, logger));
  logger.info({ url: server.url, replicaId: config.replicaId }, 'the control plane is up');
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  process.once('SIGTERM', resolve);
  process.once('SIGINT', resolve);
  const signal = await promise;
  logger.info({ signal }, 'the control plane goes down');
  await server.close();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`gantry api: can not start: ${describeError(error)}. ${advice}\n`);
    process.exit(1);
  },
);
