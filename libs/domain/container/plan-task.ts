import type { AssignedTask, TaskState } from '@gantry/contracts/agent-link';

import type { TaskId } from '@gantry/contracts/ids';
import type { Step, StepOf } from './step.ts';
import { canAdvance, isFinal, type TaskRecord } from './task-record.ts';

/** A task's container as the runtime shows it. Times are milliseconds since 1970. */
export interface ObservedContainer {
  readonly containerId: string;
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing' | 'dead';
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null;
  readonly hasStarted: boolean;
  readonly finishedAt: number | null;
  readonly exitCode: number;
  readonly isOutOfMemory: boolean;
  /** Why the last start failed; ''. */
  readonly error: string;
  readonly stopGraceMs: number;
}

/** The control plane is out of reach. */
export interface Isolation {
  readonly forMs: number;
  /** So long the agent still waits for it before it acts in its place: it may be back at once, with other plans for the task. */
  readonly patienceMs: number;
}

export interface TaskSituation {
  readonly taskId: TaskId;
  /** Null: no longer this node's. */
  readonly task: AssignedTask | null;
  readonly record: TaskRecord | null;
  readonly container: ObservedContainer | null;
  readonly hasImage: boolean;
  /** Null while the control plane can hear us, and so will replace what fails. */
  readonly isolation: Isolation | null;
  readonly now: number;
}

/**
 * What to do about one task now, in order; empty when it is as it should be. After the steps the caller looks again and plans again.
 *
 * A task runs once: when its process ends the agent reports `complete` or `failed`, and the control plane makes another in its place.
 * Only while the control plane is out of reach does the agent restart the same container itself, by the task's restart policy.
 * A task that is to stop when its node has been alone for too long is stopped then, because another is started elsewhere.
 * A final status is never taken back, so a task that failed stays failed whatever becomes of its container.
 */
export function planTask(situation: TaskSituation): Step[] {
  const { task } = situation;
  if (task === null) return planRemoval(situation, 'forget');
  switch (task.desiredState) {
    case 'running':
      return planRunning(situation, task);
    case 'shutdown':
      return planShutdown(situation, task);
    case 'remove':
      return planRemoval(situation, 'report');
  }
}

function planRunning(situation: TaskSituation, task: AssignedTask): Step[] {
  const { container, record } = situation;
  if (record !== null && isFinal(record.state)) return container !== null && isAlive(container) ? [stop(situation, container)] : [];
  const left = timeLeftAlone(situation, task);
  if (left !== null && left <= 0) return planAbandoned(situation);
  const steps = planLife(situation, task, container);
  // Nothing else wakes a task whose time alone runs out.
  return steps.length === 0 && left !== null ? [{ action: 'wait', taskId: situation.taskId, until: situation.now + left }] : steps;
}

function planLife(situation: TaskSituation, task: AssignedTask, container: ObservedContainer | null): Step[] {
  if (container === null) return planCreation(situation, task);
  switch (container.status) {
    case 'created':
      if (container.error !== '') return [reportFailure(situation, container)];
      return [...reportOnce(situation, 'starting', 'starting', container), start(situation, container, false)];
    case 'running':
    case 'paused':
    case 'restarting':
      return planHealth(situation, container);
    case 'exited':
    case 'dead':
      return planExited(situation, task, container);
    case 'removing':
      return [];
  }
}

/** Milliseconds until a task must have stopped because the control plane was not reached; null: it need not. */
function timeLeftAlone({ isolation }: TaskSituation, { spec: { partition } }: AssignedTask): number | null {
  return isolation === null || partition.policy !== 'stop' ? null : partition.afterMs - isolation.forMs;
}

function planAbandoned(situation: TaskSituation): Step[] {
  const { container } = situation;
  if (container !== null && isAlive(container)) return [stop(situation, container)];
  return [report(situation, 'shutdown', { message: 'stopped, because the control plane was out of reach', container })];
}

function planCreation(situation: TaskSituation, task: AssignedTask): Step[] {
  const { record, taskId } = situation;
  if (record !== null && (record.state === 'starting' || record.state === 'running')) {
    return [report(situation, 'failed', { message: 'failed', error: 'the container was removed behind the back of its task' })];
  }
  const preparing = reportOnce(situation, 'preparing', 'preparing', null);
  return situation.hasImage ? [...preparing, { action: 'create', taskId }] : [...preparing, { action: 'pull', taskId, image: task.spec.image }];
}

function planHealth(situation: TaskSituation, container: ObservedContainer): Step[] {
  switch (container.health) {
    case 'starting':
      return reportOnce(situation, 'starting', 'waiting for the health check', container);
    case 'unhealthy':
      return [report(situation, 'failed', { message: 'unhealthy', error: 'the health check failed', container, withOutput: true }), stop(situation, container)];
    case 'healthy':
    case null:
      return reportOnce(situation, 'running', 'started', container);
  }
}

function planExited(situation: TaskSituation, task: AssignedTask, container: ObservedContainer): Step[] {
  const { isolation, now, record } = situation;
  const { condition, delayMs, maxAttempts } = task.spec.restartPolicy;
  const isWanted = condition === 'any' || (condition === 'on-failure' && !hasSucceeded(container));
  const restarts = record?.localRestarts ?? 0;
  if (isolation !== null && isWanted && container.status === 'exited' && (maxAttempts === undefined || restarts < maxAttempts)) {
    // A time in the future means that the clock was set back: do not wait for it to come round again.
    const finishedAt = container.finishedAt !== null && container.finishedAt <= now ? container.finishedAt : now - delayMs;
    const until = Math.max(finishedAt + delayMs, now + isolation.patienceMs);
    return now < until ? [{ action: 'wait', taskId: situation.taskId, until }] : [start(situation, container, true)];
  }
  return [hasSucceeded(container) ? reportCompletion(situation, container) : reportFailure(situation, container)];
}

function planShutdown(situation: TaskSituation, task: AssignedTask): Step[] {
  const { container, record } = situation;
  if (container !== null && isAlive(container)) return [stop(situation, container, task.spec.stopGraceMs)];
  if (record !== null && isFinal(record.state)) return [];
  return [report(situation, 'shutdown', { message: 'shutdown', container, exitCode: container?.hasStarted ? container.exitCode : null })];
}

/** Stopped, then removed, then said so (`remove`) or forgotten (no longer assigned). */
function planRemoval(situation: TaskSituation, last: 'report' | 'forget'): Step[] {
  const { container, record, taskId } = situation;
  if (container !== null) {
    if (container.status === 'removing') return [];
    if (isAlive(container)) return [stop(situation, container, situation.task?.spec.stopGraceMs)];
    return [{ action: 'remove', taskId, containerId: container.containerId }];
  }
  if (last === 'forget') return record === null ? [] : [{ action: 'forget', taskId }];
  return record !== null && isFinal(record.state) ? [] : [report(situation, 'shutdown', { message: 'removed' })];
}

function isAlive(container: ObservedContainer): boolean {
  return container.status === 'running' || container.status === 'paused' || container.status === 'restarting';
}

function hasSucceeded(container: ObservedContainer): boolean {
  return container.hasStarted && container.exitCode === 0 && container.error === '';
}

function start(situation: TaskSituation, container: ObservedContainer, isLocalRestart: boolean): Step {
  return { action: 'start', taskId: situation.taskId, containerId: container.containerId, isLocalRestart };
}

function stop(situation: TaskSituation, container: ObservedContainer, graceMs = container.stopGraceMs): Step {
  return { action: 'stop', taskId: situation.taskId, containerId: container.containerId, graceMs };
}

function reportCompletion(situation: TaskSituation, container: ObservedContainer): Step {
  return report(situation, 'complete', { message: 'finished', container, exitCode: container.exitCode });
}

function reportFailure(situation: TaskSituation, container: ObservedContainer): Step {
  const error = container.error !== '' ? container.error : `task: non-zero exit (${container.exitCode})${container.isOutOfMemory ? ': out of memory' : ''}`;
  return report(situation, 'failed', {
    message: container.hasStarted ? 'failed' : 'start failed',
    error,
    container,
    exitCode: container.exitCode,
    withOutput: true,
  });
}

/** Nothing when the control plane has been told this, or something later, already. */
function reportOnce(situation: TaskSituation, state: TaskState, message: string, container: ObservedContainer | null): Step[] {
  const { record } = situation;
  const isNews = record === null || canAdvance(record.state, state) || (record.state === state && record.containerId !== (container?.containerId ?? null));
  return isNews ? [report(situation, state, { message, container })] : [];
}

interface ReportDetail {
  readonly message: string;
  readonly error?: string;
  readonly container?: ObservedContainer | null;
  readonly exitCode?: number | null;
  readonly withOutput?: boolean;
}

function report(situation: TaskSituation, state: TaskState, detail: ReportDetail): StepOf<'report'> {
  const { message, error = null, container = null, exitCode = null, withOutput = false } = detail;
  const containerId = container?.containerId ?? situation.record?.containerId ?? null;
  return { action: 'report', taskId: situation.taskId, state, message, error, containerId, exitCode, withOutput };
}
