import { NodeFacts } from '@gantry/contracts/agent-link';
import type { ClusterNode } from '@gantry/contracts/http-api';
import { NodeId } from '@gantry/contracts/ids';
import { z } from 'zod';
import type { Node } from '../../persistence/generated/client.ts';

export type NodeRow = Node;

const Labels = z.record(z.string(), z.string());

export function toNode(row: NodeRow): ClusterNode {
  return {
    id: NodeId.parse(row.id),
    version: row.version,
    spec: { name: row.name, labels: Labels.parse(row.labels), availability: row.availability },
    status: {
      state: row.state,
      message: row.message,
      lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
      facts: row.facts === null ? null : NodeFacts.parse(row.facts),
    },
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}
