import { z } from 'zod';
import { ClusterNode } from '../http-api/node.ts';
import { Service } from '../http-api/service.ts';
import { Stack } from '../http-api/stack.ts';
import { Task } from '../http-api/task.ts';
import { NodeId, ServiceId, StackId, TaskId } from '../ids/index.ts';

/**
 * GET /api/v1/live: server-sent events, each `data:` one LiveEvent as JSON. `ready` comes first: the client re-reads whatever it shows,
 * then patches by these events, each only when its record's version is newer than the one it holds. A client that is too slow is
 * disconnected and starts over; nothing is replayed.
 */
export const LiveEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('node.changed'), node: ClusterNode }),
  z.object({ type: z.literal('node.removed'), nodeId: NodeId }),
  z.object({ type: z.literal('service.changed'), service: Service }),
  z.object({ type: z.literal('service.removed'), serviceId: ServiceId }),
  z.object({ type: z.literal('stack.changed'), stack: Stack }),
  z.object({ type: z.literal('stack.removed'), stackId: StackId }),
  z.object({ type: z.literal('task.changed'), task: Task }),
  z.object({ type: z.literal('task.removed'), taskId: TaskId }),
]);
export type LiveEvent = z.infer<typeof LiveEvent>;
