import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';
import { type ApiVersion, badRequest, EngineError, toBoolean } from '@gantry/engine-api/protocol';
import type { z } from 'zod';
import type { UpgradedBody } from './upgraded-body.ts';

/** What a hijacked connection becomes: raw bytes both ways. Ending `output` is the only way a client learns that it is over. */
export interface HijackedStream {
  readonly input: Readable;
  readonly output: Writable;
  /** False when the client asked without an Upgrade header: same bytes, ordinary 200. */
  readonly isUpgraded: boolean;
}

export interface Upgrade {
  readonly socket: Duplex;
  readonly body: UpgradedBody;
}

interface ExchangeParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly version: ApiVersion;
  readonly query: URLSearchParams;
  readonly params: Readonly<Record<string, string>>;
  readonly upgrade: Upgrade | null;
}

/** Made once, not with every request's end: an error takes a while to make, with its trace. */
const clientGone = new DOMException('the client is gone', 'AbortError');

const maxJsonBytes = 8 << 20;
const discardMs = 1000;
/** A body of JSON is there at once, or nearly. */
const bodyMs = 60_000;

/** One request and the ways it can be answered. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly path: string;
  readonly version: ApiVersion;
  readonly query: URLSearchParams;
  readonly upgrade: Upgrade | null;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly #response: ServerResponse;
  readonly #params: Readonly<Record<string, string>>;
  #isHijacked = false;

  constructor(parts: ExchangeParts) {
    this.request = parts.request;
    this.path = parts.path;
    this.version = parts.version;
    this.query = parts.query;
    this.upgrade = parts.upgrade;
    this.#response = parts.response;
    this.#params = parts.params;
    const gone = new AbortController();
    this.signal = gone.signal;
    const source = parts.upgrade?.socket ?? parts.response;
    source.once('close', () => gone.abort(clientGone));
  }

  param(name: string): string {
    const value = this.#params[name];
    if (value === undefined) throw new TypeError(`the route has no {${name}}`);
    return value;
  }

  /** Null when absent or empty: Docker makes no difference. */
  text(name: string): string | null {
    return this.query.get(name) || null;
  }

  boolean(name: string, absent = false): boolean {
    return toBoolean(this.query.get(name), absent);
  }

  integer(name: string): number | null {
    const value = this.text(name);
    if (value === null) return null;
    if (!/^-?\d{1,15}$/.test(value)) throw new EngineError(400, `strconv.Atoi: parsing "${value}": invalid syntax`);
    return Number(value);
  }

  header(name: string): string | null {
    const value = this.request.headers[name.toLowerCase()];
    return typeof value === 'string' ? value : (value?.[0] ?? null);
  }

  /** The request's body as it arrives. Not for upgraded requests. */
  body(): Readable {
    return this.request;
  }

  /** Reads the whole body, up to a limit. */
  async bytes(maxBytes = maxJsonBytes): Promise<Buffer> {
    const { socket } = this.request;
    const late = setTimeout(() => socket.destroy(), bodyMs);
    late.unref();
    try {
      return await (this.upgrade ? this.upgrade.body.read(maxBytes) : this.#readBody(maxBytes));
    } finally {
      clearTimeout(late);
    }
  }

  async #readBody(maxBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    // A body that is too long is left, not destroyed: the connection is still needed for the answer.
    for await (const chunk of this.request.iterator({ destroyOnReturn: false })) {
      const part: Buffer = chunk;
      size += part.length;
      if (size > maxBytes) throw new EngineError(413, `request body is over ${maxBytes} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /** Takes in what is still coming of a body nobody wants, for a while: a client that is cut off while it sends does not read the answer. */
  async discardBody(): Promise<void> {
    const { request } = this;
    if (this.upgrade !== null || request.complete || request.destroyed) return;
    request.resume();
    const patience = AbortSignal.timeout(discardMs);
    await Promise.race([once(request, 'end', { signal: patience }), once(request, 'close', { signal: patience })]).catch(() => undefined);
  }

  /** The body as JSON. An empty body reads as `{}`. */
  async json<Schema extends z.ZodType>(schema: Schema): Promise<z.output<Schema>> {
    const bytes = await this.bytes();
    let value: unknown = {};
    if (bytes.length > 0) {
      const type = this.header('content-type') ?? '';
      if (!/^application\/json\s*(;|$)/i.test(type)) {
        throw new EngineError(400, `unsupported Content-Type header (${type}): must be 'application/json'`);
      }
      try {
        value = JSON.parse(bytes.toString('utf8'));
      } catch (cause) {
        throw badRequest(`invalid JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      }
    }
    const result = schema.safeParse(value ?? {});
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    throw new EngineError(400, `invalid JSON: ${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'wrong shape'}`, { cause: result.error });
  }

  get isAnswered(): boolean {
    return this.#isHijacked || this.#response.headersSent;
  }

  setHeader(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  sendJson(status: number, value: unknown): void {
    const text = `${JSON.stringify(value)}\n`;
    this.#response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
    this.#response.end(text);
  }

  sendText(status: number, text: string): void {
    this.#response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text) });
    this.#response.end(text);
  }

  /** A status without a body. */
  sendStatus(status: number): void {
    this.#response.writeHead(status, status === 204 || status === 304 ? {} : { 'Content-Length': 0 });
    this.#response.end();
  }

  /** Sends the headers now and leaves the body to the caller, who ends it. */
  startStream(contentType: string | null, status = 200): Writable {
    this.#response.writeHead(status, contentType === null ? {} : { 'Content-Type': contentType });
    this.#response.flushHeaders();
    return this.#response;
  }

  /** Gives the connection to another protocol (WebSocket), which answers the handshake itself. */
  release(): IncomingMessage {
    this.#isHijacked = true;
    this.#response.detachSocket(this.request.socket);
    return this.request;
  }

  /** Turns the connection into raw bytes. Errors from here on have no status any more. */
  hijack(contentType: string): HijackedStream {
    this.#isHijacked = true;
    if (this.upgrade) {
      const { socket, body } = this.upgrade;
      this.#response.detachSocket(this.request.socket);
      const protocol = this.header('upgrade') ?? 'tcp';
      socket.write(`HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
      return { input: body.input(), output: socket, isUpgraded: true };
    }
    // Without framing the end of the connection is the end of the body.
    this.#response.useChunkedEncodingByDefault = false;
    this.#response.shouldKeepAlive = false;
    this.#response.writeHead(200, { 'Content-Type': contentType });
    this.#response.flushHeaders();
    return { input: this.request, output: this.#response, isUpgraded: false };
  }

  /** Gives up on an answer that has begun: the client sees a broken connection, not a short success. */
  abort(): void {
    this.request.socket.destroy();
  }

  sendError(error: EngineError): void {
    if (error.status === 304) this.sendStatus(304);
    else this.sendJson(error.status, { message: error.message });
  }
}
