import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import { ReconcilersModule } from './reconcilers.module.ts';

export interface RunningReconcilers {
  /** Lets runs under way end. */
  close(): Promise<void>;
}

export type StartReconcilers = (config: Config, logger: Logger) => Promise<RunningReconcilers>;

/** Reconcilers, outbox relay and queue, with database connections of their own, in the thread that calls. The database is migrated already. */
export async function startReconcilers(config: Config, logger: Logger): Promise<RunningReconcilers> {
  const context = await NestFactory.createApplicationContext(ReconcilersModule.for(config, logger), { logger: false, abortOnError: false });
  return { close: () => context.close() };
}
