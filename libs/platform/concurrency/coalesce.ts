import { operational } from '@gantry/platform/errors';

/** Callers who ask for the same key while it is being made get the one result. */
export class Coalescer<T> {
  readonly #running = new Map<string, Promise<T>>();

  run(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}

/** The promise's outcome, or a rejection with `cancelled` as soon as the signal fires; the work itself goes on. */
export async function orCancelled<T>(promise: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: fired, reject } = Promise.withResolvers<never>();
  const cancel = () => reject(operational('cancelled', `${what} was cancelled`));
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await Promise.race([promise, fired]);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** Runs `work` on all items, at most `limit` at a time; the first failure stops new ones and is thrown when those under way have ended. */
export async function forEachLimited<T>(items: readonly T[], limit: number, work: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const worker = async () => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      const item = items[index];
      if (item === undefined) continue;
      try {
        await work(item, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
