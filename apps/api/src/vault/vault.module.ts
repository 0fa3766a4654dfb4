import { Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config.ts';
import { openVault, VAULT } from './vault.ts';

@Global()
@Module({
  providers: [{ provide: VAULT, useFactory: (config: Config) => openVault(config), inject: [CONFIG] }],
  exports: [VAULT],
})
export class VaultModule {}
