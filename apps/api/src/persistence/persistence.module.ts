import { Global, Module } from '@nestjs/common';
import { Database } from './database.ts';
import { Signals } from './signals.ts';

@Global()
@Module({ providers: [Database, Signals], exports: [Database, Signals] })
export class PersistenceModule {}
