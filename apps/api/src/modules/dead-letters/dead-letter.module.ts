import { Module } from '@nestjs/common';
import { FailingRunRepository } from '../../jobs/failing-run.repository.ts';
import { DeadLetterController } from './dead-letter.controller.ts';
import { DeadLetterService } from './dead-letter.service.ts';

@Module({ controllers: [DeadLetterController], providers: [DeadLetterService, FailingRunRepository] })
export class DeadLetterModule {}
