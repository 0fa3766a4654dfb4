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

/**
 * Places of a replicated service that need no decision, counted where they are stored: a service of 30,000 slots is planned from the few
 * that differ. Whoever observes may leave any such place among `tasks` instead; the plan is the same.
 */
export interface CountedPlaces {
  /** One live task of the wanted revision on a usable node or none yet; of them: */
  readonly settled: number;
  readonly settledRunning: number;
  /** Not running yet, and never ended before: busy for a rollout. */
  readonly settledStarting: number;
  /** Running for less than the update's delay; the first of them until `restingUntil`. */
  readonly settledResting: number;
  readonly restingUntil: number | null;
  /** When the last of those that run began to; null when none does. */
  readonly settledSince: number | null;
  /** Waiting for a node, and why the first of them does. */
  readonly settledPending: number;
  readonly pendingMessage: string;
  /** Run one task that a rollout has to replace, and are not its next. */
  readonly waiting: number;
  /** The slots of all of them, when slots are missing; else empty. */
  readonly slots: readonly number[];
  /** Of a service that is being removed: tasks that were told and have not ended. */
  readonly ending: number;
}

export const nothingCounted: CountedPlaces = {
  settled: 0,
  settledRunning: 0,
  settledStarting: 0,
  settledResting: 0,
  restingUntil: null,
  settledSince: null,
  settledPending: 0,
  pendingMessage: '',
  waiting: 0,
  slots: [],
  ending: 0,
};

export interface ServiceWorld {
  /** Jobs are planned by planJob; what they leave when they are removed is planned as if they were replicated. */
  readonly mode: Extract<ServiceSpec['mode'], { type: 'replicated' | 'global' }>;
  readonly isRemoving: boolean;
  /** Tasks of another revision are replaced. */
  readonly taskRevision: number;
  /** The wanted revision is not the latest, which failed. */
  readonly isRolledBack: boolean;
  /** The update to the wanted revision is over: a failure is the restart policy's from then on. */
  readonly isSettled: boolean;
  /** A person stopped the update: nothing of an older revision is replaced. Tasks on leaving nodes move all the same. */
  readonly isPaused: boolean;
  /** The update goes on after its canary. */
  readonly isPromoted: boolean;
  readonly restartPolicy: TaskSpec['restartPolicy'];
  /** What becomes of tasks whose node is lost. */
  readonly partition: TaskSpec['partition'];
  /** How long a task's end may take when it is told to stop. */
  readonly stopGraceMs: number;
  readonly update: UpdatePolicy;
  /** Tasks of all places that are not counted. */
  readonly tasks: readonly ObservedTask[];
  readonly counted: CountedPlaces;
  /** For a global service: the nodes that should run it, and those that may keep a task they have. */
  readonly wantedNodes: readonly NodeId[];
  readonly keepNodes: readonly NodeId[];
  readonly now: number;
}
