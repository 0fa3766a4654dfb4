import { operational } from '@gantry/platform/errors';
import { z } from 'zod';
import { parseChallenge } from './challenge.ts';
import { exchange, type HttpRequest, printableUrl, readBody } from './http.ts';

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth2 refresh token in place of a password. */
  readonly identityToken?: string;
  /** A bearer token, ready to use. */
  readonly registryToken?: string;
}

const TokenAnswer = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/**
 * Answers a registry's challenges. Credentials go to the registry they were given for and to the token server that registry names; that one must be
 * reached by TLS, unless it is the (plain) registry itself (CVE-2020-15157).
 */
export class Authorizer {
  readonly #credentials: Credentials | null;
  readonly #connection: Pick<HttpRequest, 'isInsecure' | 'idleMs'>;
  #header: string | null = null;

  constructor(credentials: Credentials | null, connection: Pick<HttpRequest, 'isInsecure' | 'idleMs'>) {
    this.#credentials = credentials;
    this.#connection = connection;
    if (credentials?.registryToken) this.#header = `Bearer ${credentials.registryToken}`;
  }

  /** The Authorization header to send to the registry now; null: none. */
  get header(): string | null {
    return this.#header;
  }

  /** Takes a 401's challenge; false when there is no better answer than the one refused. */
  async answer(challengeHeader: string, registry: URL, scope: string, signal?: AbortSignal): Promise<boolean> {
    const challenge = parseChallenge(challengeHeader);
    if (challenge === null) return false;
    const basic = this.#basic();
    if (challenge.scheme === 'basic') {
      if (basic === null || this.#header === basic) return false;
      this.#header = basic;
      return true;
    }
    const realm = URL.canParse(challenge.realm) ? new URL(challenge.realm) : null;
    const isSafe =
      realm !== null && (realm.protocol === 'https:' || (realm.protocol === 'http:' && registry.protocol === 'http:' && realm.host === registry.host));
    // A plain token server on another host is asked only when there is nothing to lose.
    if (realm === null || (!isSafe && (this.#credentials !== null || registry.protocol === 'https:'))) {
      throw operational('unauthorized', `${registry.host} names a token server that credentials must not be sent to`);
    }
    this.#header = `Bearer ${await this.#fetchToken(realm, challenge.service, challenge.scope ?? scope, signal)}`;
    return true;
  }

  #basic(): string | null {
    const { username, password } = this.#credentials ?? {};
    if (username === undefined || username === '' || password === undefined) return null;
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  async #fetchToken(realm: URL, service: string | null, scope: string, signal?: AbortSignal): Promise<string> {
    const url = new URL(realm);
    const shared = { ...this.#connection, ...(signal === undefined ? {} : { signal }) };
    const identityToken = this.#credentials?.identityToken;
    const fields = new URLSearchParams({ scope, ...(service === null ? {} : { service }) });
    const basic = this.#basic();
    const response =
      identityToken === undefined || identityToken === ''
        ? await exchange({ method: 'GET', url: withQuery(url, fields), headers: basic === null ? {} : { authorization: basic }, ...shared })
        : await exchange({
            method: 'POST',
            url,
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: Buffer.from(
              new URLSearchParams({ ...Object.fromEntries(fields), grant_type: 'refresh_token', client_id: 'gantry', refresh_token: identityToken }).toString(),
            ),
            ...shared,
          });
    const body = await readBody(response, 1 << 20);
    if (response.status === 401 || response.status === 403) throw operational('unauthorized', `${url.host} refuses the credentials`);
    if (response.status !== 200) throw operational('failed', `${printableUrl(url)} answers a request for a token with status ${response.status}`);
    const { token, access_token } = TokenAnswer.parse(JSON.parse(body.toString('utf8')));
    const found = token ?? access_token;
    if (found === undefined) throw operational('failed', `${printableUrl(url)} answers without a token`);
    return found;
  }
}

function withQuery(url: URL, fields: URLSearchParams): URL {
  const asked = new URL(url);
  for (const [name, value] of fields) {
    // Several scopes in one challenge are separated by spaces; the token protocol wants one parameter each.
    for (const part of name === 'scope' ? value.split(' ') : [value]) asked.searchParams.append(name, part);
  }
  return asked;
}
