import { NodeFacts } from '@gantry/contracts/agent-link';
import { NodeId } from '@gantry/contracts/ids';
import type { ConstraintSubject } from '@gantry/domain/node';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { recordChanges } from '../persistence/changes.ts';
import { Database, type Transaction } from '../persistence/database.ts';
import type { Node } from '../persistence/generated/client.ts';

const Labels = z.record(z.string(), z.string());

export interface NodeState extends ConstraintSubject {
  readonly nodeId: NodeId;
  readonly state: Node['state'];
  readonly availability: Node['availability'];
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly genericResources: Readonly<Record<string, number>>;
}

function toNodeState(row: Node): NodeState {
  const facts = row.facts === null ? null : NodeFacts.parse(row.facts);
  return {
    nodeId: NodeId.parse(row.id),
    name: row.name,
    hostname: facts?.hostname ?? row.name,
    operatingSystem: 'linux',
    architecture: facts?.architecture ?? '',
    addresses: facts?.addresses ?? [],
    labels: Labels.parse(row.labels),
    state: row.state,
    availability: row.availability,
    cpus: facts?.cpus ?? 0,
    memoryBytes: facts?.memoryBytes ?? 0,
    genericResources: facts?.genericResources ?? {},
  };
}

/** Nodes as reconcilers see them. */
@Injectable()
export class NodeStateRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async findIds(): Promise<string[]> {
    return (await this.database.client.node.findMany({ select: { id: true } })).map((row) => row.id);
  }

  /** Always in the same order, so that what is said of them does not change for nothing. */
  async findAll(transaction: Transaction = this.database.client): Promise<NodeState[]> {
    return (await transaction.node.findMany({ orderBy: [{ name: 'asc' }, { id: 'asc' }] })).map(toNodeState);
  }

  /** Nodes that nobody has heard of for so long are down; those last heard before the watch began only when it has gone on for `unheardMs`. */
  async markSilent(watch: { silentMs: number; watchedMs: number; unheardMs: number; heard: readonly string[] }): Promise<string[]> {
    const { silentMs, watchedMs, unheardMs, heard } = watch;
    const isWatchedEnough = watchedMs >= unheardMs;
    return this.database.transaction(async (transaction) => {
      const rows = await transaction.$queryRaw<{ id: string }[]>`
        update node set state = 'down', message = 'missed its heartbeats', version = version + 1, updated_at = now()
        where state = 'ready' and last_seen_at < now() - make_interval(secs => ${silentMs / 1_000}::float8) and id <> all(${[...heard]}::text[])
          and (${isWatchedEnough} or last_seen_at > now() - make_interval(secs => ${watchedMs / 1_000}::float8)) returning id`;
      const ids = rows.map((row) => row.id);
      await recordChanges(transaction, { nodes: ids, wake: ids.map((key) => ({ loop: 'node', key })) });
      return ids;
    });
  }

  /** Services that may decide otherwise now that the node is another: those with tasks on it, and those that want one on each node. */
  async findConcernedServices(nodeId: string): Promise<string[]> {
    const rows = await this.database.client.$queryRaw<{ id: string }[]>`
      select id from service where spec->'mode'->>'type' = 'global'
      union select service_id from task where node_id = ${nodeId}
      union select service_id from task where state = 'orphaned' and node_id is null and desired_state <> 'running'`;
    return rows.map((row) => row.id);
  }

  async wake(serviceIds: readonly string[]): Promise<void> {
    const wake = [...serviceIds.map((key) => ({ loop: 'service', key })), { loop: 'schedule', key: 'cluster' }];
    await this.database.transaction((transaction) => recordChanges(transaction, { wake }));
  }
}
