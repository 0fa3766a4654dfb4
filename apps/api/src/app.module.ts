import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { ORPCModule } from '@orpc/nest';
import { CONFIG, type Config } from './config.ts';
import { AccessGuard } from './http/access.guard.ts';
import { AuditInterceptor } from './http/audit.interceptor.ts';
import { AuditRepository } from './http/audit.repository.ts';
import { ConditionsInterceptor } from './http/conditions.interceptor.ts';
import { IdempotencyRepository } from './http/idempotency.repository.ts';
import { orpcConfig } from './http/orpc.ts';
import { ProblemFilter } from './http/problem.filter.ts';
import { LiveModule } from './live/live.module.ts';
import { LOGGER, type Logger } from './logger.ts';
import { AccountModule } from './modules/account/account.module.ts';
import { DeadLetterModule } from './modules/dead-letters/dead-letter.module.ts';
import { JobModule } from './modules/jobs/job.module.ts';
import { NodeModule } from './modules/nodes/node.module.ts';
import { PayloadModule } from './modules/payloads/payload.module.ts';
import { ServiceModule } from './modules/services/service.module.ts';
import { StackModule } from './modules/stacks/stack.module.ts';
import { SystemModule } from './modules/system/system.module.ts';
import { TaskModule } from './modules/tasks/task.module.ts';
import { PersistenceModule } from './persistence/persistence.module.ts';
import { NodeWatchModule } from './reconcilers/node-watch.module.ts';
import { VaultModule } from './vault/vault.module.ts';

const resources = [AccountModule, SystemModule, DeadLetterModule, NodeModule, ServiceModule, JobModule, PayloadModule, StackModule, TaskModule];

/** Everything that answers requests and agents; what decides is in ReconcilersModule, a world of its own. */
@Global()
@Module({})
export class AppModule {
  static for(config: Config, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [PersistenceModule, VaultModule, ORPCModule.forRoot(orpcConfig(logger)), ...resources, LiveModule, NodeWatchModule],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        AuditRepository,
        { provide: APP_GUARD, useClass: AccessGuard },
        IdempotencyRepository,
        { provide: APP_INTERCEPTOR, useClass: AuditInterceptor },
        { provide: APP_INTERCEPTOR, useClass: ConditionsInterceptor },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
      exports: [CONFIG, LOGGER],
    };
  }
}
