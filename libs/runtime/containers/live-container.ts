import { formatNs, nowNs } from '@gantry/platform/node';
import type { Shim } from '@gantry/runtime/executor';
import type { Health } from './container.ts';
import type { ContainerRecord } from './container-record.ts';
import type { ExecSpec, WaitCondition, WaitResult } from './containers.ts';

export interface Waiter {
  readonly condition: WaitCondition;
  resolve(result: WaitResult): void;
}

/** Somebody attached before the start: connected between the process' making and its first instruction. */
export interface PendingAttach {
  connect(shim: Shim): Promise<void>;
  fail(error: Error): void;
}

export interface ExecRecord {
  readonly id: string;
  readonly spec: ExecSpec;
  isRunning: boolean;
  hasStarted: boolean;
  exitCode: number | null;
  pid: number;
  endedAtMs: number;
}

/** A container in memory: its record, and what exists only while this process does. */
export class LiveContainer {
  record: ContainerRecord;
  pid = 0;
  health: Health | null = null;
  readonly waiters = new Set<Waiter>();
  readonly pendingAttaches = new Set<PendingAttach>();
  readonly execs = new Map<string, ExecRecord>();
  /** Ends health probes and the like with the run they belong to. */
  run: AbortController | null = null;
  /** Resolves when the current run has ended and all of it was recorded; null without a run. */
  ended: PromiseWithResolvers<void> | null = null;
  restartTimer: NodeJS.Timeout | null = null;
  lastDelayMs = 0;
  /** The agent lets go: nothing that ends from now on is to be acted on. */
  isReleased = false;

  constructor(record: ContainerRecord) {
    this.record = record;
  }

  get id(): string {
    return this.record.id;
  }

  get hasProcess(): boolean {
    return this.record.status === 'running' || this.record.status === 'paused';
  }

  notify(conditions: readonly WaitCondition[], result: WaitResult): void {
    for (const waiter of [...this.waiters]) {
      if (!conditions.includes(waiter.condition)) continue;
      this.waiters.delete(waiter);
      waiter.resolve(result);
    }
  }
}

export function timestamp(): string {
  return formatNs(nowNs());
}
