import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.ts';
import { SystemController } from './system.controller.ts';
import { SystemRepository } from './system.repository.ts';

@Module({ controllers: [SystemController, HealthController], providers: [SystemRepository] })
export class SystemModule {}
