import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { Guarded } from '../../http/operation.ts';
import { PayloadService } from './payload.service.ts';

const { secrets } = httpApi;

@Controller('/api/v1')
export class SecretController {
  constructor(@Inject(PayloadService) private readonly payloads: PayloadService) {}

  @Guarded('secrets.list')
  @Implement(secrets.list)
  list() {
    return implement(secrets.list).handler(({ input }) => this.payloads.list('secret', input));
  }

  @Guarded('secrets.get')
  @Implement(secrets.get)
  get() {
    return implement(secrets.get).handler(({ input }) => this.payloads.get('secret', input.secretId));
  }

  @Guarded('secrets.create')
  @Implement(secrets.create)
  create() {
    return implement(secrets.create).handler(({ input }) => this.payloads.create('secret', input));
  }

  @Guarded('secrets.rotate')
  @Implement(secrets.rotate)
  rotate() {
    return implement(secrets.rotate).handler(({ input }) => this.payloads.rotate('secret', input.secretId, input.data));
  }

  @Guarded('secrets.remove')
  @Implement(secrets.remove)
  remove() {
    return implement(secrets.remove).handler(({ input }) => this.payloads.remove('secret', input.secretId));
  }
}
