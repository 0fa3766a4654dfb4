import { z } from 'zod';
import { PublishedPort, TaskSpec } from '../http-api/service.ts';
import { TaskState } from '../http-api/task.ts';
import { NodeId, PayloadId, ServiceId, SessionId, TaskId } from '../ids/index.ts';
import { NodeFacts } from './identity.ts';

/**
 * The agent link: GET /api/v1/agent/link, upgraded to a WebSocket dialled by the agent.
 *   server → challenge;  agent → hello (signed);  server → hello.accepted (or hello.rejected and close)
 *   server → assignments.sync (complete first, then incremental);  agent → assignments.applied, status.report, heartbeat
 *   server → stream.open: the agent connects the stream to its own Docker Engine API socket
 * An unknown message type is answered with protocol.unknown and is never fatal.
 */

/** A secret or config in a task: which version, and where it is to be found. What it holds comes by payloads.deliver and is never written to disk. */
export const AssignedPayload = z.object({
  kind: z.enum(['secret', 'config']),
  name: z.string(),
  payloadId: PayloadId,
  number: z.number().int().positive(),
  /** An absolute path in the container. */
  target: z.string(),
  uid: z.number().int().nonnegative(),
  gid: z.number().int().nonnegative(),
  mode: z.number().int().nonnegative(),
});
export type AssignedPayload = z.infer<typeof AssignedPayload>;

/** `data` is base64. */
export const DeliveredPayload = z.object({ payloadId: PayloadId, number: z.number().int().positive(), data: z.base64() });
export type DeliveredPayload = z.infer<typeof DeliveredPayload>;

/** A task as its node must know it. `name` is the container's name: SERVICE.SLOT.TASKID as in Swarm. */
export const AssignedTask = z.object({
  taskId: TaskId,
  serviceId: ServiceId,
  serviceName: z.string(),
  stackName: z.string().nullable(),
  name: z.string(),
  slot: z.number().int().nonnegative(),
  desiredState: z.enum(['running', 'shutdown', 'remove']),
  spec: TaskSpec,
  ports: z.array(PublishedPort),
  payloads: z.array(AssignedPayload).default([]),
});
export type AssignedTask = z.infer<typeof AssignedTask>;

/**
 * The node's whole work (`complete`, appliesTo null) or a change to it (`incremental`), chained: an incremental set whose appliesTo
 * is not the version the agent holds is refused with assignments.resync. `generation` only grows; an agent refuses an older one.
 */
export const Assignments = z.object({
  kind: z.enum(['complete', 'incremental']),
  generation: z.number().int().nonnegative(),
  appliesTo: z.string().nullable(),
  resultsIn: z.string(),
  update: z.array(AssignedTask),
  /** Tasks to forget (incremental); a complete set forgets whatever it does not name. */
  remove: z.array(TaskId),
});
export type Assignments = z.infer<typeof Assignments>;

/** Status is the agent's to write. `at` is RFC 3339, UTC. */
export const TaskStatusReport = z.object({
  taskId: TaskId,
  state: TaskState,
  at: z.string(),
  message: z.string().max(4096),
  error: z.string().max(4096).nullable(),
  containerId: z.string().nullable(),
  exitCode: z.number().int().nullable(),
  /** Ports really bound on the node. */
  ports: z.array(PublishedPort),
});
export type TaskStatusReport = z.infer<typeof TaskStatusReport>;

const streamId = z.number().int().min(1).max(0xffffffff);

export const ToAgentMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('challenge'), nonce: z.string(), versions: z.array(z.number().int()) }),
  z.object({ type: z.literal('hello.accepted'), sessionId: SessionId, version: z.number().int(), heartbeatMs: z.number().int().positive(), build: z.string() }),
  /** `code` tells the agent whether trying again can help. */
  z.object({ type: z.literal('hello.rejected'), code: z.enum(['unknown-node', 'bad-signature', 'version', 'busy']), reason: z.string() }),
  /** What the tasks of the next assignments.sync use; each comes with every task that uses it. */
  z.object({ type: z.literal('payloads.deliver'), payloads: z.array(DeliveredPayload).max(512) }),
  z.object({ type: z.literal('assignments.sync'), assignments: Assignments }),
  z.object({ type: z.literal('heartbeat.set'), heartbeatMs: z.number().int().positive() }),
  z.object({ type: z.literal('stream.open'), streamId, target: z.literal('engine') }),
  z.object({ type: z.literal('stream.credit'), streamId, bytes: z.number().int().positive() }),
  /** The sender will write no more (half-close). */
  z.object({ type: z.literal('stream.end'), streamId }),
  z.object({ type: z.literal('stream.reset'), streamId, reason: z.string() }),
  z.object({ type: z.literal('protocol.unknown'), received: z.string() }),
]);
export type ToAgent = z.infer<typeof ToAgentMessage>;

export const ToServerMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), nodeId: NodeId, signature: z.string(), version: z.number().int(), build: z.string(), facts: NodeFacts }),
  z.object({ type: z.literal('heartbeat') }),
  z.object({ type: z.literal('facts.report'), facts: NodeFacts }),
  z.object({ type: z.literal('assignments.applied'), resultsIn: z.string() }),
  z.object({ type: z.literal('assignments.resync'), holds: z.string().nullable() }),
  /** Batched; the server acknowledges nothing: an agent repeats its latest statuses after each hello.accepted. */
  z.object({ type: z.literal('status.report'), statuses: z.array(TaskStatusReport).max(1000) }),
  z.object({ type: z.literal('stream.opened'), streamId }),
  z.object({ type: z.literal('stream.credit'), streamId, bytes: z.number().int().positive() }),
  z.object({ type: z.literal('stream.end'), streamId }),
  z.object({ type: z.literal('stream.reset'), streamId, reason: z.string() }),
  z.object({ type: z.literal('protocol.unknown'), received: z.string() }),
]);
export type ToServer = z.infer<typeof ToServerMessage>;
