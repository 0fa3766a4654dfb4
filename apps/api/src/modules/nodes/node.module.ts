import { Module } from '@nestjs/common';
import { DispatcherModule } from '../../dispatcher/dispatcher.module.ts';
import { NodeController } from './node.controller.ts';
import { NodeRepository } from './node.repository.ts';
import { NodeService } from './node.service.ts';

@Module({ imports: [DispatcherModule], controllers: [NodeController], providers: [NodeRepository, NodeService], exports: [NodeRepository, NodeService] })
export class NodeModule {}
