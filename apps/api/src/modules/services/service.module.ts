import { Module } from '@nestjs/common';
import { PayloadRepository } from '../payloads/payload.repository.ts';
import { PayloadUses } from '../payloads/payload-uses.ts';
import { ServiceController } from './service.controller.ts';
import { ServiceRepository } from './service.repository.ts';
import { ServiceService } from './service.service.ts';

@Module({
  controllers: [ServiceController],
  providers: [PayloadRepository, PayloadUses, ServiceRepository, ServiceService],
  exports: [PayloadRepository, ServiceRepository, ServiceService],
})
export class ServiceModule {}
