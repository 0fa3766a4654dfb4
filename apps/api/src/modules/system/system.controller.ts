import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { CONFIG, type Config } from '../../config.ts';
import { makeOpenApiDocument } from '../../http/openapi.ts';
import { Guarded, Open } from '../../http/operation.ts';
import { version } from '../../version.ts';
import { SystemRepository } from './system.repository.ts';

const { system } = httpApi;

@Controller('/api/v1')
export class SystemController {
  readonly #openApi = makeOpenApiDocument();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(SystemRepository) private readonly totals: SystemRepository,
  ) {}

  @Guarded('system.status')
  @Implement(system.status)
  status() {
    return implement(system.status).handler(async () => ({
      version,
      queueBackend: this.config.redisUrl === null ? 'postgres' : 'redis',
      ...(await this.totals.count()),
    }));
  }

  @Open()
  @Get('openapi.json')
  @Header('cache-control', 'no-cache')
  openApi() {
    return this.#openApi;
  }
}
