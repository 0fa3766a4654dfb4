import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config.ts';
import { FailingRunRepository } from '../jobs/failing-run.repository.ts';
import { OutboxRepository } from '../jobs/outbox.repository.ts';
import { LOGGER, type Logger } from '../logger.ts';
import { PersistenceModule } from '../persistence/persistence.module.ts';
import { DependencyRepository } from './dependency.repository.ts';
import { ReconcilerDriver } from './driver.ts';
import { RECONCILERS, reconcilers } from './index.ts';
import { JobStateRepository } from './job-state.repository.ts';
import { NodeStateRepository } from './node-state.repository.ts';
import { ReaperRepository } from './reaper.repository.ts';
import type { Reconciler } from './reconciler.ts';
import { ScheduleStateRepository } from './schedule-state.repository.ts';
import { ServiceStateRepository } from './service-state.repository.ts';
import { ServiceTasksRepository } from './service-tasks.repository.ts';
import { StackStateRepository } from './stack-state.repository.ts';

const repositories = [
  DependencyRepository,
  FailingRunRepository,
  JobStateRepository,
  NodeStateRepository,
  OutboxRepository,
  ReaperRepository,
  ScheduleStateRepository,
  ServiceStateRepository,
  ServiceTasksRepository,
  StackStateRepository,
];
const registry = { provide: RECONCILERS, useFactory: (...all: Reconciler[]) => all, inject: [...reconcilers] };

/** Everything that decides: it shares nothing with what answers requests but the database, and so can run in a thread of its own. */
@Global()
@Module({})
export class ReconcilersModule {
  static for(config: Config, logger: Logger): DynamicModule {
    return {
      module: ReconcilersModule,
      imports: [PersistenceModule],
      providers: [{ provide: CONFIG, useValue: config }, { provide: LOGGER, useValue: logger }, ...repositories, ...reconcilers, registry, ReconcilerDriver],
      exports: [CONFIG, LOGGER],
    };
  }
}
