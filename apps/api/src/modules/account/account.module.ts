import { Global, Module } from '@nestjs/common';
import { AccountController } from './account.controller.ts';
import { AccountRepository } from './account.repository.ts';
import { AccountService } from './account.service.ts';
import { Authenticator } from './authenticator.ts';
import { FirstAdmin } from './first-admin.ts';

/** Global for the access guard, which every module's routes pass. */
@Global()
@Module({
  controllers: [AccountController],
  providers: [AccountRepository, AccountService, Authenticator, FirstAdmin],
  exports: [Authenticator, AccountService],
})
export class AccountModule {}
