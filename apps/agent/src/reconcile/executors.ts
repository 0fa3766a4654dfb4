import type { AssignedTask, TaskState, TaskStatusReport } from '@gantry/contracts/agent-link';
import type { TaskId } from '@gantry/contracts/ids';
import { canAdvance, type StepAction, type StepOf } from '@gantry/domain/container';
import { bug, describeError, hasCode } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { Containers } from '@gantry/runtime/containers';
import { toContainerSpec } from './container-spec.ts';
import type { Ingress } from './ingress.ts';
import { readLastOutput } from './last-output.ts';
import type { PayloadStore } from './payload-store.ts';
import type { PullQueue } from './pull-queue.ts';
import type { TaskContainers } from './task-containers.ts';
import type { TaskStore } from './task-store.ts';

export interface ExecutorParts {
  readonly containers: Pick<Containers, 'create' | 'start' | 'stop' | 'remove' | 'logs' | 'find'>;
  readonly taskContainers: TaskContainers;
  readonly pulls: PullQueue;
  readonly ingress: Ingress;
  readonly payloads: Pick<PayloadStore, 'mountsOf'>;
  readonly store: TaskStore;
  readonly report: (status: TaskStatusReport) => void;
  readonly logger: Logger;
}

/** `signal` fires when the task's assignment changes: waiting is over, what has begun may finish. */
interface StepContext {
  readonly task: AssignedTask | null;
  readonly signal: AbortSignal;
}

/** One entry per action; a step without an executor does not compile. `wait` is the reconciler's own. */
export type Executors = { [Action in Exclude<StepAction, 'wait'>]: (step: StepOf<Action>, context: StepContext) => Promise<void> };

const maxErrorLength = 4096;

export function createExecutors(parts: ExecutorParts): Executors {
  const { containers, taskContainers, pulls, ingress, payloads, store, logger } = parts;

  function remember(taskId: TaskId, change: Partial<TaskStatusReport> & { state: TaskState; message: string }): void {
    const before = store.record(taskId);
    if (before !== null && before.state !== change.state && !canAdvance(before.state, change.state)) return;
    const status: TaskStatusReport = {
      taskId,
      error: null,
      containerId: before?.containerId ?? null,
      exitCode: null,
      ports: [],
      ...change,
      at: new Date().toISOString(),
    };
    if (before?.state !== change.state) {
      const desired = store.held?.tasks.get(taskId)?.desiredState ?? null;
      logger.info({ taskId, from: before?.state ?? 'assigned', to: change.state, desired, error: status.error }, 'task changed');
    }
    store.remember({ ...status, localRestarts: before?.localRestarts ?? 0 });
    parts.report(status);
  }

  /** What a task can not be made without is missing: the control plane makes another, perhaps elsewhere. */
  async function orReject(taskId: TaskId, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      remember(taskId, { state: 'rejected', message: 'preparing failed', error: describeError(error).slice(0, maxErrorLength) });
    }
  }

  return {
    pull: ({ taskId, image }, { signal }) => orReject(taskId, signal, () => pulls.pull(image, { signal })),

    create: ({ taskId }, { task, signal }) =>
      orReject(taskId, signal, async () => {
        if (task === null) throw bug(`create a container for task ${taskId}, which is not assigned`);
        const { container, warnings } = await containers.create({ name: task.name, spec: toContainerSpec(task, payloads.mountsOf(task)) });
        taskContainers.add(taskId, container.id);
        if (warnings.length > 0) logger.warn({ taskId, warnings }, 'created a container with warnings');
      }),

    async start({ taskId, containerId, isLocalRestart }) {
      const record = store.record(taskId);
      if (isLocalRestart && record !== null) store.remember({ ...record, localRestarts: record.localRestarts + 1 });
      try {
        await containers.start(containerId);
      } catch (error) {
        if (hasCode(error, 'not-modified')) return;
        // The next plan finds the container exited, with its code and its error, and reports both.
        if (containers.find(containerId)?.state.error) return;
        remember(taskId, { state: 'failed', message: 'start failed', error: describeError(error).slice(0, maxErrorLength), containerId });
      }
    },

    async stop({ containerId, graceMs }) {
      // Whoever still connects to the service's port is sent elsewhere first.
      await ingress.sync();
      await containers.stop(containerId, { timeoutSeconds: Math.ceil(graceMs / 1000) }).catch(unless('not-modified', 'not-found'));
    },

    async remove({ containerId }) {
      await containers.remove(containerId, { removeVolumes: true }).catch(unless('not-found'));
    },

    async report({ taskId, state, message, error, containerId, exitCode, withOutput }, { task }) {
      const output = withOutput && containerId !== null ? await readLastOutput(containers, containerId) : '';
      const whole = output === '' ? error : `${error ?? message}\nlast output:\n${output}`;
      if (state !== 'running' || task === null) {
        remember(taskId, { state, message, error: whole?.slice(0, maxErrorLength) ?? null, containerId, exitCode });
        return;
      }
      await ingress.sync();
      const { ports, problem } = ingress.statusOf(task);
      remember(taskId, {
        state,
        message: problem === null ? message : `${message}; not published: ${problem}`.slice(0, maxErrorLength),
        containerId,
        exitCode,
        ports,
      });
    },

    async forget({ taskId }) {
      store.forget(taskId);
    },
  };
}

function unless(...codes: Parameters<typeof hasCode>[1][]): (error: unknown) => void {
  return (error) => {
    if (!codes.some((code) => hasCode(error, code))) throw error;
  };
}
