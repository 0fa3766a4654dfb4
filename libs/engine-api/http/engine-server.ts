import type { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
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
  readonly limits?: Partial<EngineLimits>;
}

/** What a client may take up at a time. Docker has no such limits: these are far from what its clients need. */
export interface EngineLimits {
  /** Requests under way, streams included, on all connections. */
  readonly requests: number;
  /** Sent ahead on one connection, unanswered. */
  readonly requestsPerConnection: number;
  readonly headers: number;
  /** A client that takes in nothing of what it asked for is let go after this long. */
  readonly stalledMs: number;
}

const generous: EngineLimits = { requests: 2048, requestsPerConnection: 16, headers: 1000, stalledMs: 4 * 3_600_000 };
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
  readonly #limits: EngineLimits;
  readonly #hijacked = new Set<Duplex>();
  readonly #underWay = new Map<Socket, number>();
  #requests = 0;

  constructor(options: EngineServerOptions) {
    this.#options = options;
    this.#limits = { ...generous, ...options.limits };
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
    this.server.timeout = this.#limits.stalledMs;
    this.server.on('timeout', (socket: Socket) => this.#letGoIfStalled(socket));
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
    // Node's server takes its own listener away.
    request.socket.setTimeout(this.#limits.stalledMs, () => this.#letGoIfStalled(request.socket));
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

  /** A quiet stream is as it should be; one whose bytes nobody takes is not, nor is a connection that is no longer used. */
  #letGoIfStalled(socket: Socket): void {
    const bytes = socket.writableLength;
    if (bytes === 0 && this.#underWay.has(socket)) return;
    if (bytes > 0) this.#options.log.warn({ bytes, stalledMs: this.#limits.stalledMs }, 'a client stopped reading its answer and is let go');
    socket.destroy();
  }

  /** Counts the request until it is over; throws when it is one too many. */
  #admit(request: IncomingMessage, over: EventEmitter): void {
    const { socket, rawHeaders } = request;
    const here = (this.#underWay.get(socket) ?? 0) + 1;
    this.#underWay.set(socket, here);
    this.#requests++;
    over.once('close', () => {
      this.#requests--;
      const left = (this.#underWay.get(socket) ?? 1) - 1;
      if (left > 0) this.#underWay.set(socket, left);
      else this.#underWay.delete(socket);
    });
    const { headers, requests, requestsPerConnection } = this.#limits;
    // What is sent ahead after a refusal is not even refused.
    if (here > 2 * requestsPerConnection) socket.destroy();
    if (here > requestsPerConnection) throw new EngineError(429, `more than ${requestsPerConnection} unanswered requests on one connection`);
    if (this.#requests > requests) throw new EngineError(503, `more than ${requests} requests at a time: try again when some have ended`);
    if (rawHeaders.length / 2 > headers) throw new EngineError(431, `more than ${headers} headers`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, upgrade: Upgrade | null): Promise<void> {
    response.setHeader('Api-Version', newestApiVersion);
    response.setHeader('Docker-Experimental', 'false');
    response.setHeader('Ostype', 'linux');
    response.setHeader('Server', this.#options.software);
    const parts = { request, response, upgrade };
    let exchange: Exchange | null = null;
    try {
      this.#admit(request, upgrade?.socket ?? response);
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
