import { Module } from '@nestjs/common';
import { ServiceModule } from '../services/service.module.ts';
import { JobController } from './job.controller.ts';
import { JobRepository } from './job.repository.ts';
import { JobService } from './job.service.ts';

@Module({ imports: [ServiceModule], controllers: [JobController], providers: [JobRepository, JobService] })
export class JobModule {}
