import { Module } from '@nestjs/common';
import { ServiceController } from './service.controller.ts';
import { ServiceRepository } from './service.repository.ts';
import { ServiceService } from './service.service.ts';

@Module({ controllers: [ServiceController], providers: [ServiceRepository, ServiceService], exports: [ServiceRepository, ServiceService] })
export class ServiceModule {}
