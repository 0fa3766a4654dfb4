import type { NodeId, ServiceId, TaskId } from '@gantry/contracts/ids';
import type { Constraint, ConstraintSubject } from '../node/index.ts';

/** Tasks that ask for the same: of one revision of one service. */
export interface PendingGroup {
  readonly serviceId: ServiceId;
  readonly constraints: readonly Constraint[];
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly maxPerNode: number | null;
  /** `80/tcp`: ports that one task of a node can hold. */
  readonly hostPorts: readonly string[];
  readonly tasks: readonly PendingTask[];
}

export interface PendingTask {
  readonly taskId: TaskId;
  /** A global service's task belongs to this node and no other. */
  readonly onlyNodeId: NodeId | null;
}

export interface CandidateNode extends ConstraintSubject {
  readonly nodeId: NodeId;
  readonly state: 'unknown' | 'ready' | 'down';
  readonly availability: 'active' | 'pause' | 'drain';
  readonly capacity: { readonly nanoCpus: number; readonly memoryBytes: number };
  /** What tasks that are assigned and have not ended have reserved. */
  readonly reserved: { readonly nanoCpus: number; readonly memoryBytes: number };
  readonly tasks: number;
  readonly tasksByService: ReadonlyMap<ServiceId, number>;
  readonly hostPorts: ReadonlySet<string>;
}

export interface Placement {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
}

export interface Unplaced {
  readonly taskIds: readonly TaskId[];
  /** Why, node by node, in words. */
  readonly reason: string;
}

export interface SchedulePlan {
  readonly placements: readonly Placement[];
  readonly unplaced: readonly Unplaced[];
}
