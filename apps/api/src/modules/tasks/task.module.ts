import { Module } from '@nestjs/common';
import { DispatcherModule } from '../../dispatcher/dispatcher.module.ts';
import { TaskController } from './task.controller.ts';
import { TaskRepository } from './task.repository.ts';
import { TaskService } from './task.service.ts';
import { TaskLogsController } from './task-logs.controller.ts';
import { TaskStreams } from './task-streams.ts';
import { TerminalGateway } from './terminal-gateway.ts';

@Module({
  imports: [DispatcherModule],
  controllers: [TaskController, TaskLogsController],
  providers: [TaskRepository, TaskService, TaskStreams, TerminalGateway],
  exports: [TaskRepository, TerminalGateway],
})
export class TaskModule {}
