import { Module } from '@nestjs/common';
import { AgentNodeRepository } from './agent-node.repository.ts';
import { AssignmentRepository } from './assignment.repository.ts';
import { Dispatcher } from './dispatcher.ts';
import { LinkGateway } from './link-gateway.ts';
import { NodeConnections } from './node-connections.ts';
import { RegisterController } from './register.controller.ts';
import { StatusWriter } from './status-writer.ts';
import { TaskStatusRepository } from './task-status.repository.ts';

@Module({
  controllers: [RegisterController],
  providers: [AgentNodeRepository, AssignmentRepository, Dispatcher, LinkGateway, NodeConnections, StatusWriter, TaskStatusRepository],
  exports: [Dispatcher, LinkGateway, NodeConnections],
})
export class DispatcherModule {}
