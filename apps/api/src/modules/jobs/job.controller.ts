import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { Guarded } from '../../http/operation.ts';
import { JobService } from './job.service.ts';

const { jobs } = httpApi;

@Controller('/api/v1')
export class JobController {
  constructor(@Inject(JobService) private readonly jobs: JobService) {}

  @Guarded('jobs.runs')
  @Implement(jobs.runs)
  runs() {
    return implement(jobs.runs).handler(({ input }) => this.jobs.list(input));
  }

  @Guarded('jobs.run')
  @Implement(jobs.run)
  run() {
    return implement(jobs.run).handler(({ input }) => this.jobs.run(input.serviceId));
  }

  @Guarded('jobs.cancel')
  @Implement(jobs.cancel)
  cancel() {
    return implement(jobs.cancel).handler(({ input }) => this.jobs.cancel(input.serviceId, input.number));
  }

  @Guarded('jobs.suspend')
  @Implement(jobs.suspend)
  suspend() {
    return implement(jobs.suspend).handler(({ input }) => this.jobs.suspend(input.serviceId, true));
  }

  @Guarded('jobs.resume')
  @Implement(jobs.resume)
  resume() {
    return implement(jobs.resume).handler(({ input }) => this.jobs.suspend(input.serviceId, false));
  }
}
