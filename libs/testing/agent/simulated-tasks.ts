import { createHash } from 'node:crypto';
import type { AssignedTask, TaskStatusReport } from '@gantry/contracts/agent-link';
import type { TaskId } from '@gantry/contracts/ids';
import { canAdvance, isFinal } from '@gantry/domain/container';
import type { Scripting } from './task-script.ts';

export interface SimulatedTask {
  task: AssignedTask;
  status: TaskStatusReport;
  timer: NodeJS.Timeout | null;
}

/** Moves tasks through their states by timers, as a node with containers would, and says each status once. */
export class SimulatedTasks {
  readonly #tasks = new Map<TaskId, SimulatedTask>();
  readonly #scripting: Scripting;
  readonly #report: (status: TaskStatusReport) => void;

  constructor(options: { scripting: Scripting; report: (status: TaskStatusReport) => void }) {
    this.#scripting = options.scripting;
    this.#report = options.report;
  }

  get statuses(): TaskStatusReport[] {
    return [...this.#tasks.values()].map(({ status }) => status);
  }

  get(taskId: TaskId): TaskStatusReport | undefined {
    return this.#tasks.get(taskId)?.status;
  }

  /** Makes a task as assigned: new ones begin, ones to be shut down end. */
  apply(task: AssignedTask): void {
    const known = this.#tasks.get(task.taskId);
    if (known !== undefined) {
      known.task = task;
      if (task.desiredState !== 'running') this.#stop(known);
      return;
    }
    const begun: SimulatedTask = { task, timer: null, status: firstStatus(task) };
    this.#tasks.set(task.taskId, begun);
    if (task.desiredState === 'running') this.#begin(begun);
    else this.#stop(begun);
  }

  forget(taskId: TaskId): void {
    const known = this.#tasks.get(taskId);
    if (known?.timer) clearTimeout(known.timer);
    this.#tasks.delete(taskId);
  }

  /** The process of a running task ends now. */
  exit(taskId: TaskId, exitCode: number): void {
    const known = this.#tasks.get(taskId);
    if (known === undefined) throw new Error(`no task ${taskId} on this node`);
    this.#end(known, exitCode);
  }

  /** What a script would do by and by happens now. */
  report(taskId: TaskId, state: 'running'): void {
    const known = this.#tasks.get(taskId);
    if (known === undefined) throw new Error(`no task ${taskId} on this node`);
    if (known.timer) clearTimeout(known.timer);
    this.#advance(known, { state, message: 'started', ports: known.task.ports });
  }

  close(): void {
    for (const taskId of [...this.#tasks.keys()]) this.forget(taskId);
  }

  #begin(known: SimulatedTask): void {
    const script = this.#scripting(known.task);
    const error = script.error ?? 'scripted failure';
    this.#advance(known, { state: 'preparing', message: 'preparing' });
    this.#after(known, script.preparingMs, () => {
      if (script.failsWhile === 'preparing') {
        this.#advance(known, { state: 'rejected', message: 'preparing failed', error });
        return;
      }
      this.#advance(known, { state: 'starting', message: 'starting', containerId: containerIdOf(known.task) });
      this.#after(known, script.startingMs, () => {
        if (script.failsWhile === 'starting') {
          this.#advance(known, { state: 'failed', message: 'start failed', error, exitCode: 127 });
          return;
        }
        this.#advance(known, { state: 'running', message: 'started', ports: known.task.ports });
        const { runsForMs } = script;
        if (runsForMs !== undefined && runsForMs !== null) this.#after(known, runsForMs, () => this.#end(known, script.exitCode ?? 0));
      });
    });
  }

  #stop(known: SimulatedTask): void {
    if (isFinal(known.status.state)) return;
    this.#after(known, this.#scripting(known.task).stoppingMs, () => this.#advance(known, { state: 'shutdown', message: 'shutdown', ports: [] }));
  }

  #end(known: SimulatedTask, exitCode: number): void {
    const isSuccess = exitCode === 0;
    this.#advance(known, {
      state: isSuccess ? 'complete' : 'failed',
      message: isSuccess ? 'finished' : 'failed',
      error: isSuccess ? null : `task: non-zero exit (${exitCode})`,
      exitCode,
      ports: [],
    });
  }

  #after(known: SimulatedTask, delayMs: number | undefined, next: () => void): void {
    if (known.timer) clearTimeout(known.timer);
    known.timer = setTimeout(next, delayMs ?? 0);
  }

  #advance(known: SimulatedTask, change: Partial<TaskStatusReport> & Pick<TaskStatusReport, 'state' | 'message'>): void {
    if (!canAdvance(known.status.state, change.state)) return;
    known.status = { ...known.status, ...change, at: new Date().toISOString() };
    this.#report(known.status);
  }
}

function firstStatus(task: AssignedTask): TaskStatusReport {
  return {
    taskId: task.taskId,
    state: 'assigned',
    at: new Date().toISOString(),
    message: 'assigned',
    error: null,
    containerId: null,
    exitCode: null,
    ports: [],
  };
}

function containerIdOf(task: AssignedTask): string {
  return createHash('sha256').update(task.taskId).digest('hex');
}
