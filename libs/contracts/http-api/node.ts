import { z } from 'zod';
import { NodeFacts } from '../agent-link/identity.ts';
import { NodeId } from '../ids/index.ts';
import { labelFilter, listQuery, nameFilter } from './list-query.ts';
import { pageOf, recordVersion, timestamp } from './page.ts';

export const NodeAvailability = z.enum(['active', 'pause', 'drain']);

export const NodeSpec = z.object({
  name: z.string().min(1).max(255),
  labels: z.record(z.string().max(255), z.string().max(4096)),
  availability: NodeAvailability,
});

/** Not called Node, which the DOM and Node.js already are. */
export const ClusterNode = z.object({
  id: NodeId,
  version: recordVersion,
  spec: NodeSpec,
  status: z.object({
    /** unknown: never connected; down: missed its heartbeats. */
    state: z.enum(['unknown', 'ready', 'down']),
    message: z.string(),
    lastSeenAt: timestamp.nullable(),
    facts: NodeFacts.nullable(),
  }),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type ClusterNode = z.infer<typeof ClusterNode>;

export const NodePage = pageOf(ClusterNode);
export const NodeListQuery = listQuery(ClusterNode, {
  ...nameFilter,
  ...labelFilter,
  state: ClusterNode.shape.status.shape.state.optional(),
  availability: NodeAvailability.optional(),
});
export type NodeListQuery = z.infer<typeof NodeListQuery>;
/** The version may be in If-Match instead. */
export const NodeUpdate = NodeSpec.partial().extend({ version: recordVersion.optional() });

/** One container as the node's own engine lists it. */
export const NodeContainer = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  state: z.string(),
  status: z.string(),
  createdAt: timestamp,
  taskId: z.string().nullable(),
  ports: z.array(z.object({ hostIp: z.string().nullable(), hostPort: z.number().int().nullable(), containerPort: z.number().int(), protocol: z.string() })),
});
export type NodeContainer = z.infer<typeof NodeContainer>;

export const JoinToken = z.object({
  /** Shown once. */
  token: z.string(),
  expiresAt: timestamp,
});
