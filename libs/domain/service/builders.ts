import { type TaskSpec, UpdatePolicy } from '@gantry/contracts/http-api';
import { NodeId, TaskId } from '@gantry/contracts/ids';
import { nothingCounted, type ObservedTask, type ServiceWorld } from './world.ts';

/** For specs: worlds with everything usual, less what the test is about. */
export function buildWorld(
  change: Partial<Omit<ServiceWorld, 'update' | 'restartPolicy'>> & { update?: Partial<UpdatePolicy>; restartPolicy?: Partial<TaskSpec['restartPolicy']> } = {},
): ServiceWorld {
  const { update, restartPolicy, ...rest } = change;
  return {
    mode: { type: 'replicated', replicas: 1 },
    isRemoving: false,
    taskRevision: 1,
    isRolledBack: false,
    isSettled: true,
    isPaused: false,
    isPromoted: false,
    tasks: [],
    counted: nothingCounted,
    partition: { policy: 'replace' },
    stopGraceMs: 10_000,
    wantedNodes: [],
    keepNodes: [],
    now: 1_000_000,
    ...rest,
    update: { ...UpdatePolicy.parse({}), ...update },
    restartPolicy: { condition: 'any', delayMs: 5_000, windowMs: 0, ...restartPolicy },
  };
}

export function toTaskId(number: number): TaskId {
  return TaskId.parse(`t${String(number).padStart(24, '0')}`);
}

export function toNodeId(number: number): NodeId {
  return NodeId.parse(`n${String(number).padStart(24, '0')}`);
}

/** A task that runs well on node 1. */
export function buildTask(number: number, change: Partial<ObservedTask> = {}): ObservedTask {
  return {
    taskId: toTaskId(number),
    slot: number,
    nodeId: toNodeId(1),
    node: 'usable',
    lostAt: null,
    revision: 1,
    desiredState: 'running',
    state: 'running',
    message: '',
    attempt: 0,
    statusAt: 900_000,
    runningAt: 900_000,
    ...change,
  };
}
