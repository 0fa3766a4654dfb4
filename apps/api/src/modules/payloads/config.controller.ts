import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { Guarded } from '../../http/operation.ts';
import { PayloadService } from './payload.service.ts';

const { configs } = httpApi;

@Controller('/api/v1')
export class ConfigController {
  constructor(@Inject(PayloadService) private readonly payloads: PayloadService) {}

  @Guarded('configs.list')
  @Implement(configs.list)
  list() {
    return implement(configs.list).handler(({ input }) => this.payloads.list('config', input));
  }

  @Guarded('configs.get')
  @Implement(configs.get)
  get() {
    return implement(configs.get).handler(({ input }) => this.payloads.get('config', input.configId));
  }

  @Guarded('configs.create')
  @Implement(configs.create)
  create() {
    return implement(configs.create).handler(({ input }) => this.payloads.create('config', input));
  }

  @Guarded('configs.rotate')
  @Implement(configs.rotate)
  rotate() {
    return implement(configs.rotate).handler(({ input }) => this.payloads.rotate('config', input.configId, input.data));
  }

  @Guarded('configs.remove')
  @Implement(configs.remove)
  remove() {
    return implement(configs.remove).handler(({ input }) => this.payloads.remove('config', input.configId));
  }

  @Guarded('configs.content')
  @Implement(configs.content)
  content() {
    return implement(configs.content).handler(({ input }) => this.payloads.readConfig(input.configId));
  }
}
