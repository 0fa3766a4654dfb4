import { useSyncExternalStore } from 'react';

const periodMs = 5000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let nowMs = 0;

/** One timer for all times on the page. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (!timer) {
    nowMs = Date.now();
    timer = setInterval(() => {
      nowMs = Date.now();
      for (const notify of listeners) notify();
    }, periodMs);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
    nowMs = 0;
  };
}

/** undefined on the server and while hydrating: the server's now and zone are not the reader's. */
export function useNow(): number | undefined {
  return useSyncExternalStore(
    subscribe,
    () => nowMs || undefined,
    () => undefined,
  );
}
