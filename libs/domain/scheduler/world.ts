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
  /** Units of what nodes have a number of, such as `gpu`. */
  readonly genericResources: Readonly<Record<string, number>>;
  /** Labels' names, most important first: tasks are spread over the values of the first, within a value over those of the second. */
  readonly spreadOver: readonly string[];
  /** spread: where the fewest are; binpack: on as few nodes as can take them. */
  readonly strategy: 'spread' | 'binpack';
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
  readonly genericResources: { readonly capacity: Readonly<Record<string, number>>; readonly reserved: Readonly<Record<string, number>> };
  /** How many of a service's tasks failed here lately. */
  readonly failuresByService: ReadonlyMap<ServiceId, number>;
  /** Services that have had a task here: their volumes are here, and their images. */
  readonly volumesOf: ReadonlySet<ServiceId>;
  readonly imagesOf: ReadonlySet<ServiceId>;
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
