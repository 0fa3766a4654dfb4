import { setTimeout as sleep } from 'node:timers/promises';

/** A loop that runs when woken and when its sleep is over; wake-ups during a run cause exactly one more. */
export class Wakeable {
  readonly #run: () => Promise<number>;
  readonly #failed: (error: unknown) => number;
  readonly #stop = new AbortController();
  #isWoken = false;
  #nap: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();

  /** `run` and `failed` answer how many milliseconds to sleep. */
  constructor(run: () => Promise<number>, failed: (error: unknown) => number) {
    this.#run = run;
    this.#failed = failed;
  }

  start(): void {
    this.#running = this.#loop();
  }

  wake(): void {
    this.#isWoken = true;
    this.#nap?.abort();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#nap?.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#isWoken = false;
      const sleepMs = await this.#run().catch(this.#failed);
      if (this.#isWoken || this.#stop.signal.aborted) continue;
      this.#nap = new AbortController();
      await sleep(sleepMs, undefined, { signal: this.#nap.signal }).catch(() => undefined);
      this.#nap = null;
    }
  }
}
