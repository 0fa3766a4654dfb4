import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { Guarded } from '../../http/operation.ts';
import { StackService } from './stack.service.ts';

const { stacks } = httpApi;

@Controller('/api/v1')
export class StackController {
  constructor(@Inject(StackService) private readonly stacks: StackService) {}

  @Guarded('stacks.list')
  @Implement(stacks.list)
  list() {
    return implement(stacks.list).handler(({ input }) => this.stacks.list(input));
  }

  @Guarded('stacks.deploy')
  @Implement(stacks.deploy)
  deploy() {
    return implement(stacks.deploy).handler(({ input }) => this.stacks.deploy(input.name, input.compose));
  }

  @Guarded('stacks.remove')
  @Implement(stacks.remove)
  remove() {
    return implement(stacks.remove).handler(({ input }) => this.stacks.remove(input.name));
  }
}
