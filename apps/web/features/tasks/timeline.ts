import { type Task, type TaskState, taskStates } from '@gantry/contracts/http-api';

export interface TimelineStep {
  state: TaskState;
  phase: 'done' | 'current' | 'ahead';
  /** Known for the first and the current step only. */
  at: string | undefined;
}

const lifeStates = ['pending', 'assigned', 'preparing', 'starting', 'running'] as const satisfies readonly TaskState[];

/** The way of a task: what it has passed, where it is, and, while it is on its way, what lies ahead. */
export function toTimeline(task: Pick<Task, 'status' | 'createdAt' | 'nodeId'>): TimelineStep[] {
  const { state, at } = task.status;
  const isOver = taskStates.indexOf(state) > taskStates.indexOf('running');
  const passed = isOver ? lifeStates.slice(0, passedByThen(task)) : lifeStates.slice(0, taskStates.indexOf(state));
  const ahead = isOver ? [] : lifeStates.slice(passed.length + 1);
  const steps: TimelineStep[] = [
    ...passed.map((one) => ({ state: one, phase: 'done' as const, at: undefined })),
    { state, phase: 'current', at },
    ...ahead.map((one) => ({ state: one, phase: 'ahead' as const, at: undefined })),
  ];
  return steps.map((step, index) => (index === 0 && step.phase === 'done' ? { ...step, at: task.createdAt } : step));
}

/** How many states a task that is over certainly went through, by the traces they leave. */
function passedByThen({ status, nodeId }: Pick<Task, 'status' | 'nodeId'>): number {
  if (status.exitCode !== null) return lifeStates.length;
  if (status.containerId !== null) return lifeStates.indexOf('running');
  return nodeId === null ? 1 : lifeStates.indexOf('starting');
}
