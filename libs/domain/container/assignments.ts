import type { AssignedTask, Assignments } from '@gantry/contracts/agent-link';
import type { TaskId } from '@gantry/contracts/ids';

/** What the control plane last gave this node to do. `version` is the assignments' resultsIn. */
export interface HeldAssignments {
  readonly generation: number;
  readonly version: string;
  readonly tasks: ReadonlyMap<TaskId, AssignedTask>;
}

export type AppliedAssignments =
  | { readonly outcome: 'applied'; readonly held: HeldAssignments; readonly changed: readonly AssignedTask[]; readonly removed: readonly TaskId[] }
  /** From a writer that has been superseded: ignore it. */
  | { readonly outcome: 'stale' }
  /** A gap in the chain: ask for a complete set. */
  | { readonly outcome: 'gap' };

/** Held assignments plus a message: the next held assignments, or why not. A complete set replaces everything it does not name. */
export function applyAssignments(held: HeldAssignments | null, assignments: Assignments): AppliedAssignments {
  if (held !== null && assignments.generation < held.generation) return { outcome: 'stale' };
  if (assignments.kind === 'incremental' && (held === null || assignments.appliesTo !== held.version)) return { outcome: 'gap' };
  const tasks = new Map(assignments.kind === 'complete' ? [] : held?.tasks);
  for (const taskId of assignments.remove) tasks.delete(taskId);
  for (const task of assignments.update) tasks.set(task.taskId, task);
  const removed = [...(held?.tasks.keys() ?? [])].filter((taskId) => !tasks.has(taskId));
  return {
    outcome: 'applied',
    held: { generation: assignments.generation, version: assignments.resultsIn, tasks },
    changed: assignments.update,
    removed,
  };
}
