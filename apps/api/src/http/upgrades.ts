import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { notFound } from '@gantry/platform/errors';
import { type LinkGateway, linkPath } from '../dispatcher/link-gateway.ts';
import type { Logger } from '../logger.ts';
import type { TerminalGateway } from '../modules/tasks/terminal-gateway.ts';
import type { ReplicaGateway } from '../replicas/replica-gateway.ts';
import { problemType, toProblem } from './problem.ts';

function refuse(socket: Duplex, error: unknown): void {
  const problem = toProblem(error);
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`;
  socket.end(`${head}\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}

export interface Gateways {
  readonly link: LinkGateway;
  readonly terminal: TerminalGateway;
  readonly replica: ReplicaGateway;
}

/** The one place that hands upgraded connections to their gateways. */
export function routeUpgrades(server: Server, { link, terminal, replica }: Gateways, logger: Logger): void {
  const route = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = new URL(request.url ?? '/', 'http://gantry.invalid');
    if (url.pathname === linkPath) link.upgrade(request, socket, head);
    else if (terminal.matches(url.pathname)) await terminal.upgrade(request, url, socket, head);
    else if (replica.matches(url.pathname)) await replica.upgrade(request, url, socket, head);
    else throw notFound(`there is no WebSocket at ${url.pathname}`);
  };
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    route(request, socket, head).catch((error: unknown) => {
      logger.debug({ err: error, url: request.url }, 'refused an upgrade');
      refuse(socket, error);
    });
  });
}
