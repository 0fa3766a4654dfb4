import { hashKey, type QueryClient, type QueryKey } from '@tanstack/react-query';

/** Queries to read again soon. Each is read at most once a period, however many events ask for it, and never twice at a time. */
export class RereadQueue {
  readonly #queryClient: QueryClient;
  readonly #periodMs: number;
  readonly #waiting = new Map<string, QueryKey>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(queryClient: QueryClient, periodMs = 400) {
    this.#queryClient = queryClient;
    this.#periodMs = periodMs;
  }

  add(queryKey: QueryKey): void {
    this.#waiting.set(hashKey(queryKey), queryKey);
    this.#timer ??= setTimeout(() => this.#flush(), this.#periodMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #flush(): void {
    this.#timer = undefined;
    for (const [hash, queryKey] of [...this.#waiting]) {
      // An answer under way may not know of the change yet: wait for the next round instead of starving it by cancelling.
      if (this.#queryClient.getQueryState(queryKey)?.fetchStatus === 'fetching') continue;
      this.#waiting.delete(hash);
      void this.#queryClient.invalidateQueries({ queryKey, exact: true });
    }
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#flush(), this.#periodMs);
  }
}
