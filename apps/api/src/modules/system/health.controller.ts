import { operational } from '@gantry/platform/errors';
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Open } from '../../http/operation.ts';
import { Database } from '../../persistence/database.ts';

/** For whoever watches the process: ready means that it answers and the database answers it. */
@Controller()
export class HealthController {
  constructor(@Inject(Database) private readonly database: Database) {}

  @Open()
  @Get('/healthz')
  @Header('cache-control', 'no-store')
  async health(): Promise<{ status: 'ok' }> {
    if (!(await this.database.isReachable())) throw operational('unavailable', 'the database can not be reached');
    return { status: 'ok' };
  }
}
