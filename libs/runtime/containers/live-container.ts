import { formatNs, nowNs } from '@gantry/platform/node';
import type { Shim } from '@gantry/runtime/executor';
import type { ContainerRecord } from './container-record.ts';
import type { WaitCondition, WaitResult } from './containers.ts';
import { type ExecRecord, idleRun, type RunRecord } from './run-record.ts';

export interface Waiter {
  readonly condition: WaitCondition;
  resolve(result: WaitResult): void;
}

/** Somebody attached before the start: connected between the process' making and its first instruction. */
export interface PendingAttach {
  connect(shim: Shim): Promise<void>;
  fail(error: Error): void;
}

/** A container in memory: its records, and what exists only while this process does. */
export class LiveContainer {
  record: ContainerRecord;
  /** Changed by way of the table only, which writes it down. */
  runRecord: RunRecord = idleRun;
  pid = 0;
  readonly waiters = new Set<Waiter>();
  readonly pendingAttaches = new Set<PendingAttach>();
  readonly execs = new Map<string, ExecRecord>();
  /** Ends health probes and the like with the run they belong to. */
  run: AbortController | null = null;
  /** Resolves when the current run has ended and all of it was recorded; null without a run. */
  ended: PromiseWithResolvers<void> | null = null;
  /** The executor and the bundles have nothing of it: its last run has been deleted there, and no other has begun. */
  isForgotten = false;
  restartTimer: NodeJS.Timeout | null = null;
  /** The executor still knows of the last run, since how it ended could not be written down. */
  hasUnrecordedEnd = false;
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
