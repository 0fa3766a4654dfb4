import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import { notFound } from '@gantry/platform/errors';
import type { FastifyInstance } from 'fastify';
import { problemType, toProblem } from './problem.ts';
import { scriptSourceOf } from './security-headers.ts';

const answerWithinMs = 30_000;

/** One origin: what is not the api's is the dashboard's. Unknown paths of the api itself must not look like pages. */
export async function proxyToWeb(app: FastifyInstance, webUrl: string | null): Promise<void> {
  app.all('/api/*', async (request, reply) => {
    const problem = toProblem(notFound(`there is no ${request.method} ${request.url.split('?')[0]}`));
    return reply.status(problem.status).header('content-type', problemType).send(JSON.stringify(problem));
  });
  if (webUrl === null) return;
  await app.register(async (scope) => {
    // The proxy brings parsers that pass bodies on unread, and may not add them beside Nest's.
    scope.removeAllContentTypeParsers();
    await scope.register(httpProxy, proxyOptions(webUrl));
  });
}

const proxyOptions = (webUrl: string): FastifyHttpProxyOptions => ({
  upstream: webUrl,
  prefix: '/',
  httpMethods: ['GET', 'HEAD', 'POST', 'OPTIONS'],
  undici: { connections: 64, bodyTimeout: answerWithinMs, headersTimeout: answerWithinMs },
  replyOptions: {
    onError: (reply) => {
      void reply.status(503).header('content-type', 'text/plain; charset=utf-8').send('The dashboard is not up. The API is: /api/v1/openapi.json\n');
    },
    rewriteRequestHeaders: (request, headers) => ({
      ...headers,
      'content-security-policy': `script-src ${scriptSourceOf(request.raw)}`,
      'x-forwarded-host': request.headers.host ?? '',
      'x-forwarded-proto': request.protocol,
    }),
  },
});
