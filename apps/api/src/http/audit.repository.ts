import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.ts';

export interface AuditRecord {
  readonly actor: string;
  readonly operation: string;
  readonly target: string;
  readonly status: number;
  readonly address: string;
}

@Injectable()
export class AuditRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async insert(entry: AuditRecord): Promise<void> {
    await this.database.client.auditEntry.create({ data: entry });
  }
}
