import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { outranks } from '@gantry/contracts/http-api';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config.ts';
import type { Caller } from '../../http/caller.ts';
import { AccountRepository } from './account.repository.ts';
import { hashSecret } from './secret.ts';

export const sessionCookie = 'gantry_session';

function readCookie(header: string | undefined, name: string): string | null {
  for (const pair of (header ?? '').split(';')) {
    const [key, ...value] = pair.trim().split('=');
    if (key === name) return value.join('=');
  }
  return null;
}

/** Headers in, caller out: the local secret, an API token or a session cookie. */
@Injectable()
export class Authenticator {
  readonly #localSecretHash: Uint8Array | null;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(AccountRepository) private readonly accounts: AccountRepository,
  ) {
    this.#localSecretHash = config.localSecret === null ? null : hashSecret(config.localSecret);
  }

  isLocalSecret(secret: string): boolean {
    return this.#localSecretHash !== null && timingSafeEqual(hashSecret(secret), this.#localSecretHash);
  }

  async authenticate(headers: IncomingHttpHeaders): Promise<Caller | null> {
    const bearer = /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return this.#fromBearer(bearer);
    const cookie = readCookie(headers.cookie, sessionCookie);
    if (cookie === null) return null;
    const user = await this.accounts.findSessionUser(hashSecret(cookie));
    return user === null ? null : { userId: user.id, email: user.email, name: user.name, role: user.role, via: 'session' };
  }

  async #fromBearer(secret: string): Promise<Caller | null> {
    if (this.isLocalSecret(secret)) return { userId: null, email: 'local@gantry.local', name: 'This machine', role: 'admin', via: 'local' };
    const token = await this.accounts.useToken(hashSecret(secret));
    if (token === null) return null;
    // a token never outranks its owner, whose role may have shrunk since
    const role = token.user !== null && outranks(token.role, token.user.role) ? token.user.role : token.role;
    return { userId: token.userId, email: token.user?.email ?? 'local@gantry.local', name: token.name, role, via: 'token' };
  }
}
