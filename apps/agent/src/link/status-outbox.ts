import type { TaskStatusReport } from '@gantry/contracts/agent-link';
import type { TaskId } from '@gantry/contracts/ids';

/** Where reports go while there is a session. */
export interface StatusChannel {
  /** More is waiting in the socket than is good: come back later. */
  readonly isCongested: boolean;
  sendStatuses(statuses: TaskStatusReport[]): void;
}

const batchMs = 100;
const maxStatusesPerReport = 1000;

/**
 * Statuses on their way up. Only a task's latest is kept, so what waits is bounded by the number of tasks however long the link is down.
 * The server acknowledges nothing; `open` is therefore given every latest status again after each hello.
 */
export class StatusOutbox {
  readonly #waiting = new Map<TaskId, TaskStatusReport>();
  #channel: StatusChannel | null = null;
  #timer: NodeJS.Timeout | null = null;

  open(channel: StatusChannel, latest: Iterable<TaskStatusReport>): void {
    this.#channel = channel;
    for (const status of latest) this.#waiting.set(status.taskId, status);
    this.#schedule(0);
  }

  close(): void {
    this.#channel = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // The next open is given all of them.
    this.#waiting.clear();
  }

  put(status: TaskStatusReport): void {
    if (this.#channel === null) return;
    this.#waiting.set(status.taskId, status);
    this.#schedule(batchMs);
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== null || this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => this.#flush(), delayMs);
  }

  #flush(): void {
    this.#timer = null;
    const channel = this.#channel;
    if (channel === null) return;
    if (!channel.isCongested) {
      const statuses = [...this.#waiting.values()].slice(0, maxStatusesPerReport);
      for (const { taskId } of statuses) this.#waiting.delete(taskId);
      channel.sendStatuses(statuses);
    }
    this.#schedule(batchMs);
  }
}
