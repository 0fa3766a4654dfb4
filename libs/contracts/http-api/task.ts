import { z } from 'zod';
import { NodeId, ServiceId, StackId, TaskId } from '../ids/index.ts';
import { listQuery } from './list-query.ts';
import { pageOf, recordVersion, timestamp } from './page.ts';
import { PublishedPort, TaskSpec } from './service.ts';

/** In order: a task's state only ever moves forward. */
export const taskStates = ['pending', 'assigned', 'preparing', 'starting', 'running', 'complete', 'failed', 'rejected', 'shutdown', 'orphaned'] as const;
export const TaskState = z.enum(taskStates);
export type TaskState = z.infer<typeof TaskState>;

/** desiredState is the control plane's to write, status the agent's. */
export const Task = z.object({
  id: TaskId,
  version: recordVersion,
  serviceId: ServiceId,
  serviceName: z.string(),
  nodeId: NodeId.nullable(),
  nodeName: z.string().nullable(),
  slot: z.number().int().nonnegative(),
  /** Of a job: the run it belongs to. */
  run: z.number().int().positive().nullable().default(null),
  spec: TaskSpec,
  desiredState: z.enum(['running', 'shutdown', 'remove']),
  status: z.object({
    state: TaskState,
    /** Why it is as it is, in words: for a pending task, per node. */
    message: z.string(),
    error: z.string().nullable(),
    containerId: z.string().nullable(),
    exitCode: z.number().int().nullable(),
    ports: z.array(PublishedPort),
    at: timestamp,
  }),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type Task = z.infer<typeof Task>;

export const TaskPage = pageOf(Task);
export const TaskListQuery = listQuery(Task, {
  serviceId: ServiceId.optional(),
  service: z.string().max(255).optional().describe('of the service with this name'),
  stackId: StackId.optional(),
  nodeId: NodeId.optional(),
  node: z.string().max(255).optional().describe('on the node with this name'),
  desiredState: z.enum(['running', 'shutdown', 'remove']).optional(),
  state: TaskState.optional(),
  run: z.coerce.number().int().positive().max(2_147_483_647).optional().describe('of this run of a job'),
});
export type TaskListQuery = z.infer<typeof TaskListQuery>;

/** GET /api/v1/tasks/{taskId}/logs: `application/x-ndjson`, one LogLine per line; follow=true stays open. */
export const LogQuery = z.object({
  follow: z.stringbool().default(false),
  tail: z.coerce.number().int().min(0).max(10_000).default(200),
  since: timestamp.optional(),
});
export const LogLine = z.object({ stream: z.enum(['stdout', 'stderr']), at: z.string(), line: z.string() });
export type LogLine = z.infer<typeof LogLine>;

/**
 * GET /api/v1/tasks/{taskId}/terminal?height=&width=[&command=…]: a WebSocket. Binary messages are terminal bytes both ways; text
 * messages are JSON: from the browser TerminalResize, from the server TerminalEnded, after which it closes.
 */
export const TerminalQuery = z.object({
  height: z.coerce.number().int().min(1).max(1000).default(24),
  width: z.coerce.number().int().min(1).max(1000).default(80),
  command: z.array(z.string()).optional(),
});
export const TerminalResize = z.object({ type: z.literal('resize'), height: z.number().int().min(1).max(1000), width: z.number().int().min(1).max(1000) });
export const TerminalEnded = z.object({ type: z.literal('ended'), exitCode: z.number().int().nullable(), reason: z.string() });
