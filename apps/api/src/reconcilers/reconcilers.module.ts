import { Module } from '@nestjs/common';
import { DispatcherModule } from '../dispatcher/dispatcher.module.ts';
import { OutboxRepository } from '../jobs/outbox.repository.ts';
import { ReconcilerDriver } from './driver.ts';
import { RECONCILERS, reconcilers } from './index.ts';
import { NodeStateRepository } from './node-state.repository.ts';
import { NodeWatch } from './node-watch.ts';
import { ReaperRepository } from './reaper.repository.ts';
import type { Reconciler } from './reconciler.ts';
import { ScheduleStateRepository } from './schedule-state.repository.ts';
import { ServiceStateRepository } from './service-state.repository.ts';
import { StackStateRepository } from './stack-state.repository.ts';

const repositories = [NodeStateRepository, OutboxRepository, ReaperRepository, ScheduleStateRepository, ServiceStateRepository, StackStateRepository];
const registry = { provide: RECONCILERS, useFactory: (...all: Reconciler[]) => all, inject: [...reconcilers] };

@Module({ imports: [DispatcherModule], providers: [...repositories, ...reconcilers, registry, NodeWatch, ReconcilerDriver] })
export class ReconcilersModule {}
