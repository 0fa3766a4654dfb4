import { LiveEvent } from '@gantry/contracts/live';

export type FeedState = 'connecting' | 'live' | 'lost';

/** The part of EventSource that is used. */
export interface EventStream {
  onmessage: ((message: { data: unknown }) => void) | null;
  onerror: (() => void) | null;
  close(): void;
}

interface FeedOptions {
  open: () => EventStream;
  onEvent: (event: LiveEvent) => void;
  onState: (state: FeedState) => void;
  random?: () => number;
}

const firstDelayMs = 500;
const longestDelayMs = 15_000;

/**
 * Keeps one stream of live events open until closed. A lost stream is opened again after a random share of a growing delay, so that a
 * restarted api is not met by every browser at once; the first event of each stream is `ready`, which makes the reader catch up.
 */
export class LiveFeed {
  readonly #options: FeedOptions;
  #stream: EventStream | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  open(): void {
    if (this.#stream || this.#timer) return;
    this.#options.onState(this.#failures > 0 ? 'lost' : 'connecting');
    this.#connect();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stream?.close();
    this.#stream = undefined;
    this.#failures = 0;
  }

  #connect(): void {
    this.#timer = undefined;
    const stream = this.#options.open();
    this.#stream = stream;
    stream.onmessage = (message) => this.#receive(message.data);
    stream.onerror = () => this.#retry();
  }

  #receive(text: unknown): void {
    const event = parseEvent(text);
    // An api newer than this page may send events the page does not know; they change nothing it shows.
    if (!event) return;
    if (event.type === 'ready') {
      this.#failures = 0;
      this.#options.onState('live');
    }
    this.#options.onEvent(event);
  }

  #retry(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#failures += 1;
    this.#options.onState('lost');
    const ceilingMs = Math.min(longestDelayMs, firstDelayMs * 2 ** this.#failures);
    this.#timer = setTimeout(() => this.#connect(), ceilingMs * (this.#options.random ?? Math.random)());
  }
}

function parseEvent(text: unknown): LiveEvent | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    return LiveEvent.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
