import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, GantryError, hasCode, operational } from '@gantry/platform/errors';
import { z } from 'zod';
import { Authorizer, type Credentials } from './authorizer.ts';
import { exchange, type HttpRequest, type HttpResponse, printableUrl, readBody } from './http.ts';

export interface SessionOptions {
  /** `docker.io`, `127.0.0.1:5000` */
  readonly domain: string;
  readonly path: string;
  readonly credentials: Credentials | null;
  /** May speak plain http, and show a certificate nobody vouches for. */
  readonly isInsecure: boolean;
  readonly actions: 'pull' | 'pull,push';
  /** How long it may keep silent: 30 s unless told. */
  readonly idleMs?: number;
}

export interface RegistryRequest {
  readonly method: HttpRequest['method'];
  /** Below `/v2/NAME/`, or an absolute address the registry gave us (Location). */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called anew for every attempt. */
  readonly body?: () => NonNullable<HttpRequest['body']>;
  readonly signal?: AbortSignal;
  /** Statuses that are an answer, not an error. */
  readonly accept: readonly number[];
  /** Not to be tried again by itself: the caller knows what to repeat. */
  readonly isOnce?: boolean;
}

const maxRedirects = 5;
const maxAttempts = 5;
/** A request that was not answered for so long so many times is given up. */
const maxSilences = 2;
const defaultIdleMs = 30_000;
const maxWaitMs = 30_000;
const RegistryErrors = z.object({ errors: z.array(z.object({ code: z.string().optional(), message: z.string().optional() })) });

function hostOf(domain: string): string {
  return domain === 'docker.io' ? 'registry-1.docker.io' : domain;
}

/** Addresses of this machine never need an entry in the insecure list. */
export function isLoopback(domain: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/.test(domain);
}

/** Requests to one repository of one registry: scheme, authorization, redirects, and what is worth another try. */
export class RegistrySession {
  readonly #options: SessionOptions;
  readonly #authorizer: Authorizer;
  readonly #idleMs: number;
  #schemes: string[];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? defaultIdleMs;
    this.#authorizer = new Authorizer(options.credentials, { isInsecure: options.isInsecure, idleMs: this.#idleMs });
    this.#schemes = options.isInsecure ? ['https:', 'http:'] : ['https:'];
  }

  async send(request: RegistryRequest): Promise<HttpResponse> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#sendOnce(request);
      } catch (error) {
        const waitMs = retryDelay(error, attempt);
        const isStalled = hasCode(error, 'timeout') && attempt >= maxSilences;
        if (isStalled || waitMs === null || attempt >= maxAttempts || request.isOnce === true || request.signal?.aborted === true) throw error;
        await delay(waitMs, undefined, request.signal === undefined ? {} : { signal: request.signal });
      }
    }
  }

  async #sendOnce(request: RegistryRequest): Promise<HttpResponse> {
    let hasAnswered = false;
    while (true) {
      const response = await this.#viaScheme(request);
      if (request.accept.includes(response.status)) return response;
      const challenge = response.headers['www-authenticate'];
      const scope = `repository:${this.#options.path}:${this.#options.actions}`;
      if (response.status === 401 && challenge !== undefined && !hasAnswered) {
        response.body.resume();
        hasAnswered = await this.#authorizer.answer(challenge, this.base, scope, request.signal);
        if (hasAnswered) continue;
      }
      throw await toError(request, response);
    }
  }

  /** Of the repository, in the scheme that works as far as known. */
  get base(): URL {
    return new URL(`${this.#schemes[0]}//${hostOf(this.#options.domain)}/v2/${this.#options.path}/`);
  }

  /** An insecure registry is tried by TLS first; what it turns out to speak is kept. */
  async #viaScheme(request: RegistryRequest): Promise<HttpResponse> {
    while (true) {
      try {
        const response = await this.#follow(request, request.target instanceof URL ? request.target : new URL(request.target, this.base));
        this.#schemes = this.#schemes.slice(0, 1);
        return response;
      } catch (error) {
        if (this.#schemes.length < 2 || hasCode(error, 'cancelled') || hasCode(error, 'forbidden')) throw error;
        this.#schemes.shift();
      }
    }
  }

  async #follow(request: RegistryRequest, start: URL): Promise<HttpResponse> {
    const home = this.base;
    let url = start;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      if (home.protocol === 'https:' && url.protocol !== 'https:') throw operational('forbidden', `${home.host} redirects to an address without TLS`);
      const isHome = url.origin === home.origin;
      const authorization = isHome ? this.#authorizer.header : null;
      const response = await exchange({
        method: request.method,
        url,
        headers: { ...request.headers, ...(authorization === null ? {} : { authorization }) },
        isInsecure: isHome && this.#options.isInsecure,
        idleMs: this.#idleMs,
        ...(request.body === undefined ? {} : { body: request.body() }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const { location } = response.headers;
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined || request.accept.includes(response.status)) return response;
      response.body.resume();
      url = new URL(location, url);
    }
    throw operational('unsupported', `${home.host} redirects more than ${maxRedirects} times`);
  }
}

function retryDelay(error: unknown, attempt: number): number | null {
  if (!(error instanceof GantryError)) return null;
  const backOff = Math.min(200 * 2 ** attempt, 5000) * (0.5 + Math.random() / 2);
  if (error.code === 'rate-limited') return error instanceof RateLimited ? error.waitMs : backOff;
  return error.code === 'unavailable' || error.code === 'timeout' || (error.code === 'failed' && error.kind === 'operational') ? backOff : null;
}

class RateLimited extends GantryError {
  readonly waitMs: number;
  constructor(message: string, waitMs: number) {
    super('operational', 'rate-limited', message);
    this.waitMs = waitMs;
  }
}

const codesByStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'unsupported',
  416: 'wrong-state',
};

async function toError(request: RegistryRequest, response: HttpResponse): Promise<GantryError> {
  const body = await readBody(response, 1 << 16).catch(() => Buffer.alloc(0));
  let detail = '';
  try {
    const [first] = RegistryErrors.parse(JSON.parse(body.toString('utf8'))).errors;
    detail = first === undefined ? '' : `: ${[first.code?.toLowerCase().replaceAll('_', ' '), first.message].filter(Boolean).join(': ')}`;
  } catch {
    detail = `: status ${response.status}`;
  }
  const message = `${request.method} ${printableUrl(response.url)}${detail}`;
  if (response.status === 429) {
    const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
    return new RateLimited(`${message} (rate limit)`, Math.min(Number.isFinite(seconds) ? seconds * 1000 : 2000, maxWaitMs));
  }
  if (response.status >= 500) return operational('unavailable', message);
  return new GantryError('user', codesByStatus[response.status] ?? 'invalid', message);
}
