import { randomBytes } from 'node:crypto';
import { Account } from '@gantry/contracts/http-api';

export const account = {
  email: 'admin@gantry.local',
  password: 'correct horse battery staple',
  record: Account.parse({ id: 'u1', email: 'admin@gantry.local', name: 'Admin', role: 'admin' }),
};

const cookieName = 'fake_session';
const attributes = 'Path=/; HttpOnly; SameSite=Strict';

export class Sessions {
  readonly #open = new Set<string>();

  has(session: string | undefined): boolean {
    return session !== undefined && this.#open.has(session);
  }

  /** Returns the cookie to set. */
  open(): string {
    const session = randomBytes(16).toString('hex');
    this.#open.add(session);
    return `${cookieName}=${session}; ${attributes}`;
  }

  close(session: string | undefined): string {
    if (session) this.#open.delete(session);
    return `${cookieName}=; Max-Age=0; ${attributes}`;
  }
}

export function sessionOf(cookieHeader: string | undefined): string | undefined {
  return cookieHeader
    ?.split(';')
    .map((cookie) => cookie.trim())
    .find((cookie) => cookie.startsWith(`${cookieName}=`))
    ?.slice(cookieName.length + 1);
}
