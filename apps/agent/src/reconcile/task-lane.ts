const retryAfterMs = 5_000;

export interface TaskLaneOptions {
  /** One round. Null: nothing left to do; otherwise milliseconds to the next. The signal fires when waiting has become pointless. */
  readonly work: (signal: AbortSignal) => Promise<number | null>;
  readonly onIdle: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Runs one task's rounds one after another, on its own: a task that pulls for minutes holds up no other.
 * INVARIANTS: at most one round runs; a wake during a round is followed by another round; after close no round begins.
 */
export class TaskLane {
  readonly #options: TaskLaneOptions;
  #round: Promise<void> | null = null;
  #interruption = new AbortController();
  #isWanted = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: TaskLaneOptions) {
    this.#options = options;
  }

  /** Look again. */
  wake(): void {
    if (this.#isClosed) return;
    this.#isWanted = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#round ??= this.#run();
  }

  /** Look again, and stop waiting for what the last plan wanted. */
  interrupt(): void {
    this.#interruption.abort();
    this.wake();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#interruption.abort();
    await this.#round;
  }

  async #run(): Promise<void> {
    let nextMs: number | null = 0;
    // Never in the caller's own turn: a wake is a signal, not a call.
    await Promise.resolve();
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false;
      this.#interruption = new AbortController();
      try {
        nextMs = await this.#options.work(this.#interruption.signal);
      } catch (error) {
        this.#options.onError(error);
        nextMs = retryAfterMs;
      }
      if (nextMs === 0) this.#isWanted = true;
    }
    this.#round = null;
    if (this.#isClosed) return;
    if (nextMs === null) this.#options.onIdle();
    else this.#timer = setTimeout(() => this.wake(), nextMs);
  }
}
