import { Module } from '@nestjs/common';
import { PayloadRepository } from '../modules/payloads/payload.repository.ts';
import { DependencyRepository } from '../reconcilers/dependency.repository.ts';
import { ReplicaRepository } from '../replicas/replica.repository.ts';
import { ReplicaGateway } from '../replicas/replica-gateway.ts';
import { ReplicaRegistration } from '../replicas/replica-registration.ts';
import { AgentNodeRepository } from './agent-node.repository.ts';
import { AssignmentRepository } from './assignment.repository.ts';
import { Dispatcher } from './dispatcher.ts';
import { LinkGateway } from './link-gateway.ts';
import { NodeConnections } from './node-connections.ts';
import { PayloadReader } from './payload-reader.ts';
import { RegisterController } from './register.controller.ts';
import { StatusWriter } from './status-writer.ts';
import { TaskStatusRepository } from './task-status.repository.ts';

@Module({
  controllers: [RegisterController],
  providers: [
    AgentNodeRepository,
    AssignmentRepository,
    DependencyRepository,
    Dispatcher,
    LinkGateway,
    NodeConnections,
    PayloadReader,
    PayloadRepository,
    ReplicaGateway,
    ReplicaRegistration,
    ReplicaRepository,
    StatusWriter,
    TaskStatusRepository,
  ],
  exports: [Dispatcher, LinkGateway, NodeConnections],
})
export class DispatcherModule {}
