import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { Guarded } from '../../http/operation.ts';
import { NodeService } from './node.service.ts';

const { nodes } = httpApi;

@Controller('/api/v1')
export class NodeController {
  constructor(@Inject(NodeService) private readonly nodes: NodeService) {}

  @Guarded('nodes.list')
  @Implement(nodes.list)
  list() {
    return implement(nodes.list).handler(({ input }) => this.nodes.list(input));
  }

  @Guarded('nodes.get')
  @Implement(nodes.get)
  get() {
    return implement(nodes.get).handler(({ input }) => this.nodes.get(input.nodeId));
  }

  @Guarded('nodes.update')
  @Implement(nodes.update)
  update() {
    return implement(nodes.update).handler(({ input }) => this.nodes.update(input.nodeId, input));
  }

  @Guarded('nodes.remove')
  @Implement(nodes.remove)
  remove() {
    return implement(nodes.remove).handler(({ input }) => this.nodes.remove(input.nodeId));
  }

  @Guarded('nodes.containers')
  @Implement(nodes.containers)
  containers() {
    return implement(nodes.containers).handler(({ input }) => this.nodes.containers(input.nodeId));
  }

  @Guarded('nodes.createJoinToken')
  @Implement(nodes.createJoinToken)
  createJoinToken() {
    return implement(nodes.createJoinToken).handler(() => this.nodes.createJoinToken());
  }
}
