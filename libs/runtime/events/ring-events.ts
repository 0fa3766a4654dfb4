import { operational } from '@gantry/platform/errors';
import { nowNs } from '@gantry/platform/node';
import type { EventDraft, Events, RuntimeEvent } from './events.ts';

interface Subscriber {
  offer(event: RuntimeEvent): void;
}

/** Events in memory: the last `capacity` of them, and at most as many waiting for any one reader. */
export function createEvents(options: { capacity?: number; now?: () => bigint } = {}): Events {
  const capacity = options.capacity ?? 4096;
  const now = options.now ?? nowNs;
  const past: RuntimeEvent[] = [];
  const subscribers = new Set<Subscriber>();

  function subscribe(request: { since?: bigint; until?: bigint; signal?: AbortSignal } = {}): AsyncIterable<RuntimeEvent> {
    const { since, until, signal } = request;
    const waiting: RuntimeEvent[] = since === undefined ? [] : past.filter((event) => event.timeNs >= since && (until === undefined || event.timeNs <= until));
    let wake: (() => void) | null = null;
    let failure: Error | null = null;
    let isEnded = signal?.aborted ?? false;
    const subscriber: Subscriber = {
      offer(event) {
        if (until !== undefined && event.timeNs > until) return end();
        if (waiting.length >= capacity) {
          failure = operational('failed', `event reader fell ${capacity} events behind`);
          return end();
        }
        waiting.push(event);
        wake?.();
      },
    };
    function end(): void {
      isEnded = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      subscribers.delete(subscriber);
      wake?.();
    }
    const timer = until === undefined ? undefined : setTimeout(end, Math.min(Math.max(0, Number((until - now()) / 1_000_000n)), 2 ** 31 - 1));
    signal?.addEventListener('abort', end, { once: true });
    if (!isEnded) subscribers.add(subscriber);

    async function* read(): AsyncGenerator<RuntimeEvent> {
      try {
        while (true) {
          const event = waiting.shift();
          if (event !== undefined) {
            yield event;
            continue;
          }
          if (failure !== null) throw failure;
          if (isEnded) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = null;
        }
      } finally {
        end();
      }
    }
    return read();
  }

  return {
    emit(draft: EventDraft) {
      const event: RuntimeEvent = { ...draft, timeNs: now() };
      past.push(event);
      if (past.length > capacity) past.shift();
      for (const subscriber of [...subscribers]) subscriber.offer(event);
    },
    subscribe,
  };
}
