import { type Account, type ApiToken, type ApiTokenCreate, type ApiTokenCreated, outranks, type SignIn } from '@gantry/contracts/http-api';
import { UserId } from '@gantry/contracts/ids';
import { GantryError, notFound } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Caller } from '../../http/caller.ts';
import { RateLimiter } from '../../http/rate-limiter.ts';
import { newId } from '../../persistence/new-id.ts';
import { AccountRepository, type ApiTokenRow } from './account.repository.ts';
import { hashPassword, isPassword } from './password.ts';
import { hashSecret, makeSecret } from './secret.ts';

export const sessionLifetimeMs = 14 * 24 * 60 * 60 * 1_000;
const mostTokens = 100;

function toApiToken(row: ApiTokenRow): z.infer<typeof ApiToken> {
  return { id: row.id, name: row.name, role: row.role, createdAt: row.createdAt.toISOString(), lastUsedAt: row.lastUsedAt?.toISOString() ?? null };
}

@Injectable()
export class AccountService {
  readonly #byAddress = new RateLimiter({ burst: 20, refillMs: 3_000 });
  readonly #byEmail = new RateLimiter({ burst: 10, refillMs: 6_000 });
  /** Compared with when nobody has the address, so that the answer takes as long. */
  readonly #nobody = hashPassword(makeSecret('nobody'));

  constructor(@Inject(AccountRepository) private readonly accounts: AccountRepository) {}

  /** Answers the account and the secret of its new session. */
  async signIn(input: z.infer<typeof SignIn>, address: string): Promise<{ account: Account; sessionSecret: string }> {
    const email = input.email.toLowerCase();
    this.#byAddress.take(address, Date.now());
    this.#byEmail.take(email, Date.now());
    const user = await this.accounts.findUserByEmail(email);
    const isRight = await isPassword(input.password, user?.passwordHash ?? (await this.#nobody));
    if (user === null || !isRight) throw new GantryError('user', 'unauthorized', 'the address or the password is wrong');
    this.#byEmail.forget(email);
    const sessionSecret = makeSecret('session');
    await this.accounts.addSession(hashSecret(sessionSecret), user.id, new Date(Date.now() + sessionLifetimeMs));
    return { account: { id: UserId.parse(user.id), email: user.email, name: user.name, role: user.role }, sessionSecret };
  }

  async signOut(sessionSecret: string | null): Promise<void> {
    if (sessionSecret !== null) await this.accounts.deleteSession(hashSecret(sessionSecret));
  }

  describe(caller: Caller): Account {
    return { id: UserId.parse(caller.userId ?? 'local'), email: caller.email, name: caller.name, role: caller.role };
  }

  async listTokens(caller: Caller): Promise<{ items: z.infer<typeof ApiToken>[] }> {
    return { items: (await this.accounts.findTokens(caller.userId)).map(toApiToken) };
  }

  async createToken(caller: Caller, { name, role }: z.infer<typeof ApiTokenCreate>): Promise<z.infer<typeof ApiTokenCreated>> {
    if (outranks(role, caller.role))
      throw new GantryError('user', 'forbidden', `a token can not have the role ${role}: ${caller.email} is ${caller.role}`, { field: 'role' });
    const secret = makeSecret('gantry');
    const row = await this.accounts.addToken({ id: newId(), userId: caller.userId, name, role, secretHash: hashSecret(secret) }, mostTokens);
    return { ...toApiToken(row), secret };
  }

  async deleteToken(caller: Caller, id: string): Promise<Record<never, never>> {
    if (!(await this.accounts.deleteToken(id, caller.userId))) throw notFound(`there is no API token ${id}`);
    return {};
  }
}
