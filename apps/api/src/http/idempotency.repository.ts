import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../persistence/database.ts';

@Injectable()
export class IdempotencyRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** What was carried out under the key and is still remembered. */
  async find(actor: string, key: string): Promise<{ fingerprint: Uint8Array; answer: unknown } | null> {
    const row = await this.database.client.idempotencyKey.findUnique({ where: { actor_key: { actor, key } } });
    return row === null || row.expiresAt < new Date() ? null : { fingerprint: row.fingerprint, answer: row.answer };
  }
}
