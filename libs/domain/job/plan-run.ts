import { isTerminal } from '../service/index.ts';
import type { JobStep } from './step.ts';
import type { JobTask, JobWorld, ObservedRun } from './world.ts';

const longestBackOffMs = 3_600_000;

export interface RunPlan {
  readonly steps: readonly JobStep[];
  /** Tasks it wants at this moment. */
  readonly wanted: number;
}

/** Given to another node: by the partition policy, and never while it may still run where nobody sees it, if that is forbidden. */
function givenUpAt({ partition, stopGraceMs }: JobWorld, { lostAt }: JobTask): number {
  if (partition.policy === 'keep') return Number.POSITIVE_INFINITY;
  return (lostAt ?? 0) + (partition.policy === 'stop' ? partition.afterMs + stopGraceMs : 0);
}

function isLive(task: JobTask): boolean {
  return !isTerminal(task.state);
}

/** The task's own fault; that its node went away or that it was told to end is not. */
function hasFailedItself(task: JobTask): boolean {
  return task.state === 'failed' || task.state === 'rejected';
}

function backOffMs({ mode }: JobWorld, failures: number): number {
  return failures === 0 ? 0 : Math.min(mode.backOffMs * 2 ** (failures - 1), longestBackOffMs);
}

interface Slot {
  readonly kind: 'succeeded' | 'exhausted' | 'busy' | 'ready' | 'resting';
  readonly failures: number;
  /** Nothing changes by itself before. */
  readonly until: number;
}

function isGivenUp(world: JobWorld, task: JobTask): boolean {
  return task.node === 'lost' && givenUpAt(world, task) <= world.now;
}

/** Why a task that is wanted has to go; null: it has not. What has ended keeps its place in the history, and nothing on its node. */
function reasonToEnd(world: JobWorld, task: JobTask, hasSucceeded: boolean): string | null {
  if (task.desiredState !== 'running') return null;
  if (!isLive(task)) return 'ended';
  if (isGivenUp(world, task)) return 'its node is down';
  if (task.node === 'lost') return null;
  if (hasSucceeded) return 'another has done it';
  return task.node === 'leaving' ? 'its node is being drained' : null;
}

function lookAtSlot(world: JobWorld, tasks: readonly JobTask[]): Slot {
  const failed = tasks.filter(hasFailedItself);
  const failures = failed.length;
  const live = tasks.filter((task) => isLive(task) && !isGivenUp(world, task));
  if (tasks.some((task) => task.state === 'complete')) return { kind: 'succeeded', failures, until: 0 };
  if (live.length > 0) return { kind: 'busy', failures, until: Math.min(...live.map((task) => (task.node === 'lost' ? givenUpAt(world, task) : 0))) };
  if (failures >= world.mode.maxAttempts) return { kind: 'exhausted', failures, until: 0 };
  const until = failed.reduce((latest, task) => Math.max(latest, task.statusAt), 0) + backOffMs(world, failures);
  return { kind: until > world.now ? 'resting' : 'ready', failures, until };
}

export function endTasks(tasks: readonly JobTask[], reason: string): JobStep[] {
  return tasks.filter((task) => task.desiredState === 'running').map(({ taskId }) => ({ action: 'shut-down-task', taskId, reason }));
}

/** One run that has not ended: as many tasks at a time as it may have, each slot until it has succeeded once, or has failed too often. */
export function planRun(world: JobWorld, run: ObservedRun, tasks: readonly JobTask[]): RunPlan {
  const { completions, parallelism } = world.mode;
  const bySlot = Map.groupBy(tasks, (task) => task.slot);
  const slots = Array.from({ length: completions }, (_, index) => ({ number: index + 1, ...lookAtSlot(world, bySlot.get(index + 1) ?? []) }));
  const succeededSlots = new Set(slots.filter((slot) => slot.kind === 'succeeded').map((slot) => slot.number));
  const succeeded = succeededSlots.size;
  const failed = slots.reduce((sum, slot) => sum + slot.failures, 0);
  const steps: JobStep[] = tasks.flatMap((task) => {
    const reason = reasonToEnd(world, task, succeededSlots.has(task.slot));
    return reason === null ? [] : [{ action: 'shut-down-task', taskId: task.taskId, reason }];
  });
  if (succeeded !== run.succeeded || failed !== run.failed) steps.push({ action: 'count-run', run: run.number, succeeded, failed });
  const exhausted = slots.find((slot) => slot.kind === 'exhausted');
  if (exhausted !== undefined) {
    const message = `task ${exhausted.number} failed ${exhausted.failures} times`;
    return { steps: [...steps, ...endTasks(tasks.filter(isLive), message), { action: 'end-run', run: run.number, state: 'failed', message }], wanted: 0 };
  }
  if (succeeded === completions) return { steps: [...steps, { action: 'end-run', run: run.number, state: 'complete', message: '' }], wanted: 0 };
  const busy = slots.filter((slot) => slot.kind === 'busy').length;
  const ready = slots.filter((slot) => slot.kind === 'ready').slice(0, Math.max(parallelism - busy, 0));
  for (const slot of ready) steps.push({ action: 'create-task', run: run.number, slot: slot.number, attempt: slot.failures });
  for (const slot of slots)
    if ((slot.kind === 'resting' || slot.kind === 'busy') && slot.until > world.now && Number.isFinite(slot.until))
      steps.push({ action: 'wake-at', at: slot.until });
  return { steps, wanted: Math.min(parallelism, completions - succeeded) };
}
