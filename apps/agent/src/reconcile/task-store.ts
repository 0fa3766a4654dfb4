import { AssignedTask, TaskStatusReport } from '@gantry/contracts/agent-link';
import type { TaskId } from '@gantry/contracts/ids';
import type { HeldAssignments, TaskRecord } from '@gantry/domain/container';
import { type Collection, type MetadataStore, openSqliteStore } from '@gantry/runtime/metadata';
import { z } from 'zod';

const Held = z.object({ generation: z.number().int(), version: z.string(), taskCount: z.number().int() });
const StoredRecord = TaskStatusReport.extend({ localRestarts: z.number().int() });
const LinkTime = z.object({ linkedAt: z.number() });
const heldKey = 'held';
const linkKey = 'link';

/**
 * What the agent was last told to do, and what it last said of each task; on disk before a call returns, in memory for reading.
 * Assignments that are not whole (a record of another version did not parse) count as never received: running on without orders is
 * safe, taking a task for an orphan is not.
 */
export class TaskStore {
  readonly #store: MetadataStore;
  readonly #assignmentRows: Collection<AssignedTask>;
  readonly #heldRows: Collection<z.infer<typeof Held>>;
  readonly #recordRows: Collection<TaskRecord>;
  readonly #linkRows: Collection<z.infer<typeof LinkTime>>;
  readonly #records: Map<TaskId, TaskRecord>;
  #held: HeldAssignments | null;

  constructor(path: string) {
    this.#store = openSqliteStore(path);
    this.#assignmentRows = this.#store.collection('assignment', AssignedTask);
    this.#heldRows = this.#store.collection('assignments', Held);
    this.#recordRows = this.#store.collection('status', StoredRecord);
    this.#linkRows = this.#store.collection('link', LinkTime);
    this.#records = new Map(this.#recordRows.entries().map(([, record]) => [record.taskId, record]));
    const tasks = new Map(this.#assignmentRows.entries().map(([, task]) => [task.taskId, task]));
    const held = this.#heldRows.get(heldKey);
    this.#held = held !== undefined && held.taskCount === tasks.size ? { generation: held.generation, version: held.version, tasks } : null;
  }

  get held(): HeldAssignments | null {
    return this.#held;
  }

  hold(next: HeldAssignments): void {
    const before = this.#held?.tasks;
    this.#store.transaction(() => {
      for (const [id] of before === undefined ? this.#assignmentRows.entries() : before) if (!next.tasks.has(id as TaskId)) this.#assignmentRows.delete(id); // ids of our own rows
      for (const [id, task] of next.tasks) if (before?.get(id) !== task) this.#assignmentRows.put(id, task);
      this.#heldRows.put(heldKey, { generation: next.generation, version: next.version, taskCount: next.tasks.size });
    });
    this.#held = next;
  }

  /** As if nothing had ever been assigned; statuses stay. */
  releaseAssignments(): void {
    this.#heldRows.delete(heldKey);
    this.#held = null;
  }

  record(taskId: TaskId): TaskRecord | null {
    return this.#records.get(taskId) ?? null;
  }

  get records(): Iterable<TaskRecord> {
    return this.#records.values();
  }

  remember(record: TaskRecord): void {
    this.#recordRows.put(record.taskId, record);
    this.#records.set(record.taskId, record);
  }

  forget(taskId: TaskId): void {
    this.#recordRows.delete(taskId);
    this.#records.delete(taskId);
  }

  /** When the control plane was last known to be in reach, in milliseconds since 1970. */
  get linkedAt(): number | null {
    return this.#linkRows.get(linkKey)?.linkedAt ?? null;
  }

  set linkedAt(at: number) {
    this.#linkRows.put(linkKey, { linkedAt: at });
  }

  close(): void {
    this.#store.close();
  }
}
