/**
 * Many may share it, or one have it alone. Who wants it alone is patient: sharers never wait for one that waits, only for one that has it. So long
 * work (a pull) does not hold up other long work because somebody wants to clean up after them.
 */
export class SharedLock {
  #sharers = 0;
  #isExclusive = false;
  readonly #sharing: (() => void)[] = [];
  readonly #excluding: (() => void)[] = [];

  async share<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter(this.#sharing);
    try {
      return await work();
    } finally {
      this.#sharers--;
      this.#admit();
    }
  }

  async exclude<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter(this.#excluding);
    try {
      return await work();
    } finally {
      this.#isExclusive = false;
      this.#admit();
    }
  }

  /** False when `exclude` would have to wait for sharers. */
  get isIdle(): boolean {
    return this.#sharers === 0 && this.#sharing.length === 0;
  }

  #enter(waiting: (() => void)[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    this.#admit();
    return promise;
  }

  #admit(): void {
    if (this.#isExclusive) return;
    for (const enter of this.#sharing.splice(0)) {
      this.#sharers++;
      enter();
    }
    if (this.#sharers > 0) return;
    const enter = this.#excluding.shift();
    if (enter === undefined) return;
    this.#isExclusive = true;
    enter();
  }
}
