import { AssignedTask } from '@gantry/contracts/agent-link';
import { TaskId } from '@gantry/contracts/ids';
import type { ObservedContainer, TaskSituation } from './plan-task.ts';
import type { TaskRecord } from './task-record.ts';

/** Builders with defaults, for specs. */
export function taskId(number = 1): TaskId {
  return TaskId.parse(String(number).padStart(25, '0'));
}

export function assignedTask(changes: Omit<Partial<AssignedTask>, 'spec'> & { spec?: object } = {}): AssignedTask {
  const id = changes.taskId ?? taskId();
  return AssignedTask.parse({
    taskId: id,
    serviceId: 's'.repeat(25),
    serviceName: 'web',
    stackName: null,
    name: `web.1.${id}`,
    slot: 1,
    desiredState: 'running',
    ports: [],
    ...changes,
    spec: { image: 'demo:1', ...changes.spec },
  });
}

export function taskRecord(changes: Partial<TaskRecord> = {}): TaskRecord {
  return {
    taskId: taskId(),
    state: 'running',
    at: '2026-01-01T00:00:00.000Z',
    message: 'started',
    error: null,
    containerId: 'c1',
    exitCode: null,
    ports: [],
    localRestarts: 0,
    ...changes,
  };
}

export function observedContainer(changes: Partial<ObservedContainer> = {}): ObservedContainer {
  return {
    containerId: 'c1',
    status: 'running',
    health: null,
    hasStarted: true,
    finishedAt: null,
    exitCode: 0,
    isOutOfMemory: false,
    error: '',
    stopGraceMs: 10_000,
    ...changes,
  };
}

export function situation(changes: Partial<TaskSituation> = {}): TaskSituation {
  return { taskId: taskId(), task: assignedTask(), record: null, container: null, hasImage: true, isolation: null, now: 1_000_000, ...changes };
}
