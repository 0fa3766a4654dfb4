import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type PostgresServer, startPostgres } from '@gantry/testing/postgres';
import { type Config, readConfig } from '../src/config.ts';
import { createLogger } from '../src/logger.ts';
import { type ApiServer, startServer } from '../src/server.ts';

export const localSecret = 'a secret of this test alone';
const untilWithinMs = 30_000;

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** One api on a database of its own, and an admin's way to talk to it. */
export interface TestApi {
  readonly url: string;
  readonly config: Config;
  readonly firstPassword: string;
  /** Answers the parsed body; `T` is what the test expects it to be. */
  call<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  /** As call, and a status of 400 or more is thrown. */
  get<T>(path: string): Promise<T>;
  send<T>(method: string, path: string, body?: unknown): Promise<T>;
  close(): Promise<void>;
}

export async function startApi(postgres: PostgresServer, environment: Record<string, string> = {}): Promise<TestApi> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-api-'));
  const passwordFile = join(directory, 'first-password');
  const config = readConfig({
    DATABASE_URL: await postgres.createDatabase(`api_${randomBytes(6).toString('hex')}`),
    GANTRY_PORT: '0',
    GANTRY_LOCAL_SECRET: localSecret,
    GANTRY_SECRET_KEYS: randomBytes(32).toString('base64'),
    GANTRY_FIRST_PASSWORD_FILE: passwordFile,
    GANTRY_HEARTBEAT_MS: '300',
    GANTRY_RECONCILE_MS: '1000',
    GANTRY_LOG_LEVEL: 'silent',
    ...environment,
  });
  const server = await startServer(config, createLogger(config.logLevel));
  const firstPassword = (await readFile(passwordFile, 'utf8').catch(() => '')).trim();
  return toTestApi(server, config, firstPassword, () => rm(directory, { recursive: true, force: true }));
}

export function toTestApi(server: ApiServer, config: Config, firstPassword: string, cleanUp: () => Promise<void>): TestApi {
  const call = async <T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = { authorization: `Bearer ${localSecret}` },
  ): Promise<Answer<T>> => {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: (isJson && text !== '' ? JSON.parse(text) : text) as T }; // what the caller asserts on
  };
  const send = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await call<T>(method, path, body);
    if (answer.status >= 400) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    url: server.url,
    config,
    firstPassword,
    call,
    send,
    get: (path) => send('GET', path),
    close: async () => {
      await server.close();
      await cleanUp();
    },
  };
}

/** Asks again until the answer satisfies; what was last seen is in the error when it never does. */
export async function eventually<T>(ask: () => Promise<T>, isMet: (seen: T) => boolean): Promise<T> {
  const deadline = Date.now() + untilWithinMs;
  for (;;) {
    const seen = await ask();
    if (isMet(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`it did not come about; last seen: ${JSON.stringify(seen).slice(0, 4_000)}`);
    await sleep(50);
  }
}

export { startPostgres };
