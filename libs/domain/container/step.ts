import type { TaskState } from '@gantry/contracts/agent-link';
import type { TaskId } from '@gantry/contracts/ids';

/** action → arguments: everything an agent can do about a task. */
export interface StepArguments {
  pull: { readonly image: string };
  create: object;
  /** `isLocalRestart`: the control plane is out of reach, and the agent stands in for it. */
  start: { readonly containerId: string; readonly isLocalRestart: boolean };
  stop: { readonly containerId: string; readonly graceMs: number };
  remove: { readonly containerId: string };
  /** Remember and send a status. `withOutput` adds the container's last lines to the error. */
  report: {
    readonly state: TaskState;
    readonly message: string;
    readonly error: string | null;
    readonly containerId: string | null;
    readonly exitCode: number | null;
    readonly withOutput: boolean;
  };
  /** Nothing to do before this time (milliseconds since 1970). */
  wait: { readonly until: number };
  /** The task is over and gone: drop its record. */
  forget: object;
}

export type StepAction = keyof StepArguments;
export type Step = { [Action in StepAction]: { readonly action: Action; readonly taskId: TaskId } & StepArguments[Action] }[StepAction];
export type StepOf<Action extends StepAction> = Extract<Step, { action: Action }>;
