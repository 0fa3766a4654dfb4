import { createServer, type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { badRequest, EngineError, negotiateVersion, newestApiVersion, toEngineError } from '@gantry/engine-api/protocol';
import type { Logger } from '@gantry/platform/node';
import { Exchange, type Upgrade } from './exchange.ts';
import { type Route, Router, splitVersion } from './router.ts';
import { UpgradedBody } from './upgraded-body.ts';

export type Handler = (exchange: Exchange) => Promise<void> | void;
export type EngineRoute = Route<Handler>;

export interface EngineServerOptions {
  readonly routes: readonly EngineRoute[];
  /** The `Server` header: `Docker/28.5.2 (linux)`; some clients look for the word Docker. */
  readonly software: string;
  readonly log: Logger;
  /** Mutual TLS; absent on a unix socket. */
  readonly tls?: TlsOptions;
  /** Throws when a request must not be answered: a browser's, or one for another host. */
  readonly guard?: (request: IncomingMessage) => void;
}

const limits = { maxHeaderSize: 256 << 10, headersTimeout: 60_000, keepAliveTimeout: 300_000, maxConnections: 4096 };

function parseTarget(request: IncomingMessage): { path: string; query: URLSearchParams } {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const raw = mark < 0 ? target : target.slice(0, mark);
  try {
    const path = decodeURIComponent(raw);
    if (path.includes('\0')) throw new EngineError(400, 'invalid path');
    return { path, query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)) };
  } catch (cause) {
    throw badRequest('invalid path', { cause });
  }
}

/** Answers the Docker Engine API over HTTP/1.1: versions, routes, errors and hijacked connections; what the routes do is theirs. */
export class EngineServer {
  readonly server: Server;
  readonly #router: Router<Handler>;
  readonly #options: EngineServerOptions;
  readonly #hijacked = new Set<Duplex>();

  constructor(options: EngineServerOptions) {
    this.#options = options;
    this.#router = new Router(options.routes);
    const listener: RequestListener = (request, response) => void this.#answer(request, response, null);
    // A build or a load may take hours: there is no limit on the length of a request.
    const settings = {
      // Clients end their half of a hijacked connection and go on reading. Plain servers of Node's allow it by themselves, those with TLS do not.
      allowHalfOpen: true,
      maxHeaderSize: limits.maxHeaderSize,
      requestTimeout: 0,
      headersTimeout: limits.headersTimeout,
      keepAliveTimeout: limits.keepAliveTimeout,
    };
    this.server = options.tls ? createTlsServer({ ...settings, ...options.tls }, listener) : createServer(settings, listener);
    this.server.timeout = 0;
    this.server.maxConnections = limits.maxConnections;
    this.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
  }

  /** Stops listening and breaks every connection. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    this.server.closeAllConnections();
    for (const socket of this.#hijacked) socket.destroy();
    await promise;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#hijacked.add(socket);
    socket.once('close', () => this.#hijacked.delete(socket));
    // A peer that vanishes is seen by the 'close' that follows.
    socket.on('error', (error) => this.#options.log.debug({ err: error, url: request.url }, 'hijacked connection broke'));
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(request.socket);
    response.once('finish', () => {
      socket.resume();
      request.socket.destroySoon();
    });
    void this.#answer(request, response, { socket, body: new UpgradedBody(request, socket, head) });
  }

  async #answer(request: IncomingMessage, response: ServerResponse, upgrade: Upgrade | null): Promise<void> {
    response.setHeader('Api-Version', newestApiVersion);
    response.setHeader('Docker-Experimental', 'false');
    response.setHeader('Ostype', 'linux');
    response.setHeader('Server', this.#options.software);
    const parts = { request, response, upgrade };
    let exchange: Exchange | null = null;
    try {
      this.#options.guard?.(request);
      const target = parseTarget(request);
      const { prefix, path } = splitVersion(target.path);
      const match = this.#router.match(request.method ?? 'GET', path);
      if (match === null) throw new EngineError(404, 'page not found');
      exchange = new Exchange({ ...parts, path, version: negotiateVersion(prefix), query: target.query, params: match.params });
      await match.handle(exchange);
    } catch (error) {
      const unrouted = () => new Exchange({ ...parts, path: '', version: negotiateVersion(null), query: new URLSearchParams(), params: {} });
      await this.#fail(exchange ?? unrouted(), error);
    }
  }

  async #fail(exchange: Exchange, error: unknown): Promise<void> {
    const answer = toEngineError(error);
    const context = { err: error, method: exchange.request.method, url: exchange.request.url };
    if (exchange.signal.aborted) return;
    if (answer.status >= 500 && answer.status !== 501 && answer.status !== 503) this.#options.log.error(context, 'request failed');
    if (exchange.isAnswered) {
      this.#options.log.warn(context, 'answer broke off');
      exchange.abort();
      return;
    }
    await exchange.discardBody();
    exchange.sendError(answer);
  }
}
