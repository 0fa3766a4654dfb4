import type { Duplex } from 'node:stream';
import type { NodeId } from '@gantry/contracts/ids';
import { operational } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.ts';
import { ReplicaRepository } from '../replicas/replica.repository.ts';
import { dialThroughReplica } from '../replicas/replica-tunnel.ts';
import { Dispatcher } from './dispatcher.ts';
import { EngineClient } from './engine-client.ts';

function notConnected(nodeId: NodeId): Error {
  return operational('unavailable', `node ${nodeId} is not connected`);
}

/** The way to a node's own Docker Engine API; where the node is, and which replica holds its session, is nobody else's business. */
@Injectable()
export class NodeConnections {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(ReplicaRepository) private readonly replicas: ReplicaRepository,
  ) {}

  /** A Docker client for one node. Nothing is connected before the first request. */
  engine(nodeId: NodeId): EngineClient {
    return new EngineClient((signal) => this.open(nodeId, signal));
  }

  /** A raw connection to the node's engine. */
  async open(nodeId: NodeId, signal: AbortSignal): Promise<Duplex> {
    if (this.dispatcher.find(nodeId) !== null) return this.openHere(nodeId, signal);
    const holder = await this.replicas.findHolder(nodeId);
    if (holder === null || holder.id === this.config.replicaId) throw notConnected(nodeId);
    return dialThroughReplica(holder, nodeId, signal);
  }

  /** As open, by this replica's own session alone. */
  async openHere(nodeId: NodeId, signal: AbortSignal): Promise<Duplex> {
    const session = this.dispatcher.find(nodeId);
    if (session === null) throw notConnected(nodeId);
    return session.streams.open({ target: 'engine', signal });
  }
}
