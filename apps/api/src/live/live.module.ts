import { Module } from '@nestjs/common';
import { NodeModule } from '../modules/nodes/node.module.ts';
import { ServiceModule } from '../modules/services/service.module.ts';
import { StackModule } from '../modules/stacks/stack.module.ts';
import { TaskModule } from '../modules/tasks/task.module.ts';
import { LiveController } from './live.controller.ts';
import { LiveFeed } from './live-feed.ts';

@Module({ imports: [NodeModule, ServiceModule, StackModule, TaskModule], controllers: [LiveController], providers: [LiveFeed] })
export class LiveModule {}
