import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Problem } from '@gantry/contracts/http-api';
import { OpenAPIHandler } from '@orpc/openapi/fetch';
import type { ORPCError } from '@orpc/server';
import { WebSocketServer } from 'ws';
import type { FakeCluster } from './cluster.ts';
import { createRouter } from './router.ts';
import { type Sessions, sessionOf } from './sessions.ts';
import { serveLive, serveLog, serveTerminal, streamOf } from './streams.ts';

/** The control plane's origin: the contract below /api/v1, the dashboard for everything else. */
export function createFakeApi(cluster: FakeCluster, sessions: Sessions, webUrl: string): Server {
  const handler = new OpenAPIHandler(createRouter(cluster, sessions), { customErrorResponseBodyEncoder: toProblem });
  const terminals = new WebSocketServer({ noServer: true });

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  server.on('upgrade', (request, socket, head) => {
    const stream = streamOf(request);
    if (stream?.kind !== 'terminal' || !sessions.accountOf(sessionOf(request.headers.cookie))) {
      socket.destroy();
      return;
    }
    terminals.handleUpgrade(request, socket, head, (opened) => serveTerminal(cluster, stream.taskId, stream.search, opened));
  });
  return server;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/healthz') {
      response.end('{"status":"ok"}');
      return;
    }
    if (!request.url?.startsWith('/api/')) {
      proxy(request, response, webUrl);
      return;
    }
    const session = sessionOf(request.headers.cookie);
    const stream = streamOf(request);
    if (stream && !sessions.accountOf(session)) response.writeHead(401).end();
    else if (stream?.kind === 'live') serveLive(cluster, response);
    else if (stream?.kind === 'logs') serveLog(cluster, stream.taskId, stream.search, response);
    else await answerOperation(request, response, session);
  }

  async function answerOperation(request: IncomingMessage, response: ServerResponse, session: string | undefined): Promise<void> {
    const context = { session, setCookie: (cookie: string) => response.setHeader('set-cookie', cookie) };
    const outcome = await handler.handle(await toFetchRequest(request), { prefix: '/api/v1', context });
    if (!outcome.matched) {
      response.writeHead(404).end();
      return;
    }
    const isProblem = outcome.response.status >= 400;
    response.statusCode = outcome.response.status;
    response.setHeader('content-type', isProblem ? 'application/problem+json' : 'application/json');
    response.end(await outcome.response.text());
  }
}

async function toFetchRequest(request: IncomingMessage): Promise<Request> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) if (typeof value === 'string') headers.set(name, value);
  const body = await text(request);
  return new Request(`http://${request.headers.host}${request.url}`, { method: request.method ?? 'GET', headers, ...(body ? { body } : {}) });
}

function toProblem(error: ORPCError<string, unknown>): Problem {
  return { code: error.code.toLowerCase(), title: error.code, status: error.status, detail: error.message, errors: [] };
}

function proxy(request: IncomingMessage, response: ServerResponse, webUrl: string): void {
  const onward = httpRequest(new URL(request.url ?? '/', webUrl), { method: request.method ?? 'GET', headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.writeHead(502).end());
  request.pipe(onward);
}
