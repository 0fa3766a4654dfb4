import { randomBytes } from 'node:crypto';
import { Account } from '@gantry/contracts/http-api';

export const password = 'correct horse battery staple';

const accounts = [
  Account.parse({ id: 'u1', email: 'admin@gantry.local', name: 'Admin', role: 'admin' }),
  Account.parse({ id: 'u2', email: 'viewer@gantry.local', name: 'Viewer', role: 'viewer' }),
];

const cookieName = 'fake_session';
const attributes = 'Path=/; HttpOnly; SameSite=Strict';

export class Sessions {
  readonly #open = new Map<string, Account>();

  accountOf(session: string | undefined): Account | undefined {
    return session === undefined ? undefined : this.#open.get(session);
  }

  /** The account, and the cookie to set; undefined when email or password is wrong. */
  open(email: string, givenPassword: string): { account: Account; cookie: string } | undefined {
    const account = accounts.find((one) => one.email === email);
    if (!account || givenPassword !== password) return undefined;
    const session = randomBytes(16).toString('hex');
    this.#open.set(session, account);
    return { account, cookie: `${cookieName}=${session}; ${attributes}` };
  }

  /** Returns the cookie to set. */
  close(session: string | undefined): string {
    if (session) this.#open.delete(session);
    return `${cookieName}=; Max-Age=0; ${attributes}`;
  }

  closeAll(): void {
    this.#open.clear();
  }
}

export function sessionOf(cookieHeader: string | undefined): string | undefined {
  return cookieHeader
    ?.split(';')
    .map((cookie) => cookie.trim())
    .find((cookie) => cookie.startsWith(`${cookieName}=`))
    ?.slice(cookieName.length + 1);
}
