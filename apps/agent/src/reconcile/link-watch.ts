export interface LinkWatchOptions {
  /** When an agent on this node was last linked, in milliseconds since 1970, as an earlier process may have left it; null: never. */
  readonly linkedAt: number | null;
  readonly now: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
}

/**
 * For how long the node has been out of reach of the control plane. Counted over restarts of the agent, from the time that was last
 * written down; within one process by a clock that can not be set.
 */
export class LinkWatch {
  readonly #monotonic: () => number;
  /** On the monotonic clock; null while linked. */
  #unlinkedAt: number | null;

  constructor({ linkedAt, now, monotonic }: LinkWatchOptions) {
    this.#monotonic = monotonic;
    this.#unlinkedAt = monotonic() - (linkedAt === null ? 0 : Math.max(0, now - linkedAt));
  }

  get unlinkedMs(): number | null {
    return this.#unlinkedAt === null ? null : this.#monotonic() - this.#unlinkedAt;
  }

  /** Says whether that is news. */
  setLinked(isLinked: boolean): boolean {
    if (isLinked === (this.#unlinkedAt === null)) return false;
    this.#unlinkedAt = isLinked ? null : this.#monotonic();
    return true;
  }
}
