/**
 * What happened, in Docker's words and order. Kept in a ring of bounded size, so that `since` can look back; a reader too slow to follow
 * is ended with an error rather than held in memory.
 */
export interface Events {
  emit(event: EventDraft): void;
  /**
   * Events from `since` (past ones first) until `until`, both in nanoseconds since 1970. Without `until` it ends with the signal; the subscription
   * exists when the call returns, not only when the first event is asked for.
   */
  subscribe(options?: { since?: bigint; until?: bigint; signal?: AbortSignal }): AsyncIterable<RuntimeEvent>;
}

export type EventType = 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'builder';

export interface EventDraft {
  readonly type: EventType;
  /** Docker's action, `exec_create: sh -c …` and `health_status: healthy` included. */
  readonly action: string;
  /** Full id, or the name of a volume or image. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface RuntimeEvent extends EventDraft {
  /** Nanoseconds since 1970, strictly increasing. */
  readonly timeNs: bigint;
}
