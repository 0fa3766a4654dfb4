import { createServer, type RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';

/** What answers behind a simulated node's tunnel. Without a listener of the test's own it is an engine with no containers. */
export class FakeEngine {
  readonly #server;

  constructor(listener: RequestListener = emptyEngine) {
    this.#server = createServer(listener);
  }

  /** Upgrades (attach, exec) arrive here as raw streams. */
  onUpgrade(listener: (path: string, stream: Duplex) => void): void {
    this.#server.on('upgrade', (request, stream) => {
      stream.write('HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      listener(request.url ?? '', stream);
    });
  }

  serve(stream: Duplex): void {
    this.#server.emit('connection', stream);
  }
}

const emptyEngine: RequestListener = (request, response) => {
  const path = (request.url ?? '').replace(/^\/v[0-9.]+/, '').split('?')[0];
  const answers: Record<string, unknown> = {
    '/_ping': 'OK',
    '/containers/json': [],
    '/images/json': [],
    '/version': { ApiVersion: '1.50', Version: 'simulated' },
  };
  const answer = path === undefined ? undefined : answers[path];
  response.statusCode = answer === undefined ? 404 : 200;
  response.setHeader('api-version', '1.50');
  if (typeof answer === 'string') response.end(answer);
  else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer ?? { message: 'page not found' }));
};
