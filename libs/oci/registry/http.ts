import { type IncomingHttpHeaders, type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { operational, whileTrying } from '@gantry/platform/errors';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Readable;
  readonly signal?: AbortSignal;
  /** A peer that neither sends nor takes anything for so long has stalled. */
  readonly idleMs: number;
  /** Accept a certificate nobody vouches for. */
  readonly isInsecure?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
  readonly url: URL;
}

const agents = {
  plain: new PlainAgent({ keepAlive: true, maxSockets: 16, keepAliveMsecs: 5000 }),
  tls: new TlsAgent({ keepAlive: true, maxSockets: 16, keepAliveMsecs: 5000 }),
  insecureTls: new TlsAgent({ keepAlive: true, maxSockets: 16, keepAliveMsecs: 5000, rejectUnauthorized: false }),
};

/** Addresses in messages lose what could be a secret: query and user. */
export function printableUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** One exchange; follows no redirects. The caller reads or destroys the body. */
export function exchange(request: HttpRequest): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const isTls = request.url.protocol === 'https:';
  if (!isTls && request.url.protocol !== 'http:') throw operational('invalid', `${request.url.protocol} addresses are not supported`);
  const tlsAgent = request.isInsecure === true ? agents.insecureTls : agents.tls;
  const outgoing = (isTls ? tlsRequest : plainRequest)(request.url, {
    method: request.method,
    headers: { 'user-agent': 'gantry', ...request.headers },
    agent: isTls ? tlsAgent : agents.plain,
    timeout: request.idleMs,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  const label = `${request.method} ${printableUrl(request.url)}`;
  let answer: IncomingMessage | null = null;
  // Whoever reads the answer is told by it, and of a reset only, when the request is destroyed.
  outgoing.on('timeout', () => (answer ?? outgoing).destroy(operational('timeout', `${label}: no traffic for ${request.idleMs / 1000} s`)));
  outgoing.once('error', (cause) => reject(whileTrying(label, cause)));
  outgoing.once('response', (body) => {
    answer = body;
    resolve({ status: body.statusCode ?? 0, headers: body.headers, body, url: request.url });
  });
  if (request.body instanceof Readable) {
    const source = request.body;
    source.once('error', (error) => outgoing.destroy(error));
    outgoing.once('close', () => source.destroy());
    source.pipe(outgoing);
  } else {
    outgoing.end(request.body);
  }
  return promise;
}

export async function readBody(response: HttpResponse, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response.body) {
    length += part.length;
    if (length > maxBytes) {
      response.body.destroy();
      throw operational('too-large', `${printableUrl(response.url)} answers with more than ${maxBytes} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}
