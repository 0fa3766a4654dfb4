import { Module } from '@nestjs/common';
import { ServiceModule } from '../services/service.module.ts';
import { StackController } from './stack.controller.ts';
import { StackRepository } from './stack.repository.ts';
import { StackService } from './stack.service.ts';

@Module({ imports: [ServiceModule], controllers: [StackController], providers: [StackRepository, StackService], exports: [StackRepository] })
export class StackModule {}
