import type { Duplex } from 'node:stream';
import type { NodeId } from '@gantry/contracts/ids';
import { operational } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { Dispatcher } from './dispatcher.ts';
import { EngineClient } from './engine-client.ts';

/** The way to a node's own Docker Engine API; where the node is, and which replica holds its session, is nobody else's business. */
@Injectable()
export class NodeConnections {
  constructor(@Inject(Dispatcher) private readonly dispatcher: Dispatcher) {}

  /** A Docker client for one node. Nothing is connected before the first request. */
  engine(nodeId: NodeId): EngineClient {
    return new EngineClient((signal) => this.open(nodeId, signal));
  }

  /** A raw connection to the node's engine. */
  open(nodeId: NodeId, signal: AbortSignal): Promise<Duplex> {
    const session = this.dispatcher.find(nodeId);
    if (session === null) throw operational('unavailable', `node ${nodeId} is not connected`);
    return session.streams.open({ target: 'engine', signal });
  }
}
