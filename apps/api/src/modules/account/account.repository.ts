import { conflict } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../persistence/database.ts';
import type { ApiToken, User } from '../../persistence/generated/client.ts';

export type UserRow = User;
export type ApiTokenRow = ApiToken;

/** Any number that no other user of advisory locks in this database takes. */
const firstUserLock = 4_400_002;

@Injectable()
export class AccountRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  findUserByEmail(email: string): Promise<UserRow | null> {
    return this.database.client.user.findUnique({ where: { email: email.toLowerCase() } });
  }

  /** Runs `make` in the transaction that adds the user it answers, unless there are users already. */
  async addFirstUser(make: () => Promise<Omit<UserRow, 'createdAt'>>): Promise<boolean> {
    return this.database.transaction(async (transaction: Transaction) => {
      await transaction.$queryRaw`select pg_advisory_xact_lock(${firstUserLock})::text`;
      if ((await transaction.user.count()) > 0) return false;
      await transaction.user.create({ data: await make() });
      return true;
    });
  }

  async addSession(tokenHash: Uint8Array<ArrayBuffer>, userId: string, expiresAt: Date): Promise<void> {
    await this.database.client.session.create({ data: { tokenHash, userId, expiresAt } });
  }

  async findSessionUser(tokenHash: Uint8Array<ArrayBuffer>): Promise<UserRow | null> {
    const session = await this.database.client.session.findFirst({ where: { tokenHash, expiresAt: { gt: new Date() } }, include: { user: true } });
    return session?.user ?? null;
  }

  async deleteSession(tokenHash: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.database.client.session.deleteMany({ where: { tokenHash } });
  }

  async deleteExpiredSessions(): Promise<void> {
    await this.database.client.session.deleteMany({ where: { expiresAt: { lt: new Date() } } });
  }

  findTokens(userId: string | null): Promise<ApiTokenRow[]> {
    return this.database.client.apiToken.findMany({ where: { userId }, orderBy: { createdAt: 'desc' } });
  }

  addToken(token: Pick<ApiTokenRow, 'id' | 'userId' | 'name' | 'role' | 'secretHash'>, most: number): Promise<ApiTokenRow> {
    return this.database.transaction(async (transaction) => {
      if ((await transaction.apiToken.count({ where: { userId: token.userId } })) >= most)
        throw conflict(`there are ${most} API tokens already: revoke one first`);
      return transaction.apiToken.create({ data: { ...token, secretHash: new Uint8Array(token.secretHash) } });
    });
  }

  async deleteToken(id: string, userId: string | null): Promise<boolean> {
    const { count } = await this.database.client.apiToken.deleteMany({ where: { id, userId } });
    return count > 0;
  }

  /** The token and whose it is; remembers that it was used, to the minute. */
  async useToken(secretHash: Uint8Array<ArrayBuffer>): Promise<(ApiTokenRow & { user: UserRow | null }) | null> {
    const token = await this.database.client.apiToken.findUnique({ where: { secretHash }, include: { user: true } });
    if (token === null) return null;
    const now = new Date();
    if (token.lastUsedAt === null || now.getTime() - token.lastUsedAt.getTime() > 60_000) {
      await this.database.client.apiToken.updateMany({ where: { id: token.id }, data: { lastUsedAt: now } });
    }
    return token;
  }
}
