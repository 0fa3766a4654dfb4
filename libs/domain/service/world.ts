import type { ServiceSpec, TaskSpec, TaskState, UpdatePolicy } from '@gantry/contracts/http-api';
import type { NodeId, TaskId } from '@gantry/contracts/ids';

export type DesiredState = 'running' | 'shutdown' | 'remove';

/** Times are milliseconds since 1970. */
export interface ObservedTask {
  readonly taskId: TaskId;
  readonly slot: number;
  readonly nodeId: NodeId | null;
  /** lost: down or gone; leaving: drained, or no longer fit by its constraints. */
  readonly node: 'none' | 'usable' | 'leaving' | 'lost';
  /** Since when its node has not been heard; null unless the node is lost. */
  readonly lostAt: number | null;
  readonly revision: number;
  readonly desiredState: DesiredState;
  readonly state: TaskState;
  readonly message: string;
  readonly attempt: number;
  readonly statusAt: number;
  readonly runningAt: number | null;
}

export interface ServiceWorld {
  readonly mode: ServiceSpec['mode'];
  readonly isRemoving: boolean;
  /** Tasks of another revision are replaced. */
  readonly taskRevision: number;
  /** The wanted revision is not the latest, which failed. */
  readonly isRolledBack: boolean;
  readonly restartPolicy: TaskSpec['restartPolicy'];
  /** What becomes of tasks whose node is lost. */
  readonly partition: TaskSpec['partition'];
  /** How long a task's end may take when it is told to stop. */
  readonly stopGraceMs: number;
  readonly update: UpdatePolicy;
  readonly tasks: readonly ObservedTask[];
  /** For a global service: the nodes that should run it, and those that may keep a task they have. */
  readonly wantedNodes: readonly NodeId[];
  readonly keepNodes: readonly NodeId[];
  readonly now: number;
}
