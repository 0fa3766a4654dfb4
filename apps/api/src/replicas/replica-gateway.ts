import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { NodeId } from '@gantry/contracts/ids';
import { GantryError } from '@gantry/platform/errors';
import { spliceStreams } from '@gantry/platform/streams';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { NodeConnections } from '../dispatcher/node-connections.ts';
import { parseRequest } from '../http/parse-request.ts';
import { ReplicaRegistration } from './replica-registration.ts';
import { tunnelPath, tunnelProtocol } from './replica-tunnel.ts';

const path = new RegExp(`^${tunnelPath('([^/]+)')}$`);
const openWithinMs = 15_000;

/** The answering end of the replicas' tunnels: only to nodes whose session is held here, so that no two replicas ask each other in circles. */
@Injectable()
export class ReplicaGateway implements BeforeApplicationShutdown {
  readonly #open = new Set<Duplex>();

  constructor(
    @Inject(ReplicaRegistration) private readonly registration: ReplicaRegistration,
    @Inject(NodeConnections) private readonly connections: NodeConnections,
  ) {}

  matches(pathname: string): boolean {
    return path.test(pathname);
  }

  /** Throws, before the upgrade, whatever keeps the caller out. */
  async upgrade(request: IncomingMessage, url: URL, socket: Duplex, head: Buffer): Promise<void> {
    const secret = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!this.registration.isOwnSecret(secret)) throw new GantryError('user', 'unauthorized', 'only replicas of this cluster may ask this');
    const nodeId = parseRequest(NodeId, path.exec(url.pathname)?.[1] ?? '');
    const stream = await this.connections.openHere(nodeId, AbortSignal.timeout(openWithinMs));
    if (head.length > 0) socket.unshift(head);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${tunnelProtocol}\r\n\r\n`);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    spliceStreams(socket, stream);
  }

  beforeApplicationShutdown(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
