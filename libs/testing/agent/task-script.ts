import type { AssignedTask } from '@gantry/contracts/agent-link';

/** How a simulated task behaves. All times are milliseconds; what is left out is quick and succeeds. */
export interface TaskScript {
  readonly preparingMs?: number;
  readonly startingMs?: number;
  readonly stoppingMs?: number;
  /** After this long running the process ends with exitCode; null (the default) runs until told to stop. */
  readonly runsForMs?: number | null;
  readonly exitCode?: number;
  /** The task is rejected (while preparing) or fails (while starting) with `error`. */
  readonly failsWhile?: 'preparing' | 'starting' | null;
  readonly error?: string;
}

/** Chooses each task's behaviour, so that a fault can be one service's, one node's or every hundredth's. */
export type Scripting = (task: AssignedTask) => TaskScript;
