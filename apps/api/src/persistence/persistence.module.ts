import { Global, Module } from '@nestjs/common';
import { Database, LinkDatabase } from './database.ts';
import { Signals } from './signals.ts';

@Global()
@Module({ providers: [Database, LinkDatabase, Signals], exports: [Database, LinkDatabase, Signals] })
export class PersistenceModule {}
