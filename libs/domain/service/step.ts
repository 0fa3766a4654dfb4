import type { NodeId, TaskId } from '@gantry/contracts/ids';

/** How the latest change of what runs is getting on; null before the first one. */
export interface UpdateStatus {
  readonly state: 'updating' | 'canary' | 'paused' | 'completed' | 'reverting' | 'reverted';
  readonly replacedTasks: number;
}

/** What the service reconciler can do, one entry an action. */
export interface StepArguments {
  'create-task': { readonly slot: number; readonly nodeId: NodeId | null; readonly attempt: number };
  /** The task must end; its row stays as history. */
  'shut-down-task': { readonly taskId: TaskId; readonly reason: string };
  /** The task must end and leave no trace on its node. */
  'remove-task': { readonly taskId: TaskId };
  /** No node has anything of the task any more, or its node is gone. */
  'delete-task': { readonly taskId: TaskId };
  'delete-service': Record<never, never>;
  /** Go back to the revision before the one being rolled out. */
  'roll-back': { readonly reason: string };
  /** The canary proved itself: the update goes on. */
  promote: Record<never, never>;
  /** All tasks of the wanted revision have run for the time they are watched: its update is over. */
  settle: Record<never, never>;
  'set-status': {
    readonly desiredTasks: number;
    readonly runningTasks: number;
    readonly state: 'converged' | 'updating' | 'pending' | 'removing';
    readonly message: string;
    readonly update: UpdateStatus | null;
  };
  /** Nothing more can be decided before this time (milliseconds since 1970). */
  'wake-at': { readonly at: number };
}
export type Action = keyof StepArguments;
export type StepOf<A extends Action> = { readonly action: A } & StepArguments[A];
export type Step = { [A in Action]: StepOf<A> }[Action];
