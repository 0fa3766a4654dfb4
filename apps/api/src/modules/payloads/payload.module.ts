import { Module } from '@nestjs/common';
import { ServiceModule } from '../services/service.module.ts';
import { ConfigController } from './config.controller.ts';
import { PayloadService } from './payload.service.ts';
import { SecretController } from './secret.controller.ts';

@Module({ imports: [ServiceModule], controllers: [SecretController, ConfigController], providers: [PayloadService] })
export class PayloadModule {}
