import { Module } from '@nestjs/common';
import { DispatcherModule } from '../dispatcher/dispatcher.module.ts';
import { NodeStateRepository } from './node-state.repository.ts';
import { NodeWatch } from './node-watch.ts';

@Module({ imports: [DispatcherModule], providers: [NodeStateRepository, NodeWatch] })
export class NodeWatchModule {}
