import type { Isolation } from '@gantry/domain/container';

export interface LinkWatchOptions {
  /** When an agent on this node was last linked, in milliseconds since 1970, as an earlier process may have left it; null: never. */
  readonly linkedAt: number | null;
  readonly now: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** How long this process waits for the control plane before it acts in its place. */
  readonly patienceMs: number;
}

/**
 * For how long the node has been out of reach of the control plane. Counted over restarts of the agent, from the time that was last
 * written down; within one process by a clock that can not be set.
 */
export class LinkWatch {
  readonly #monotonic: () => number;
  readonly #patienceMs: number;
  /** Both on the monotonic clock; null while linked. `since` is when this process began to wait. */
  #isolated: { readonly from: number; readonly since: number } | null;

  constructor({ linkedAt, now, monotonic, patienceMs }: LinkWatchOptions) {
    this.#monotonic = monotonic;
    this.#patienceMs = patienceMs;
    const since = monotonic();
    this.#isolated = { since, from: since - (linkedAt === null ? 0 : Math.max(0, now - linkedAt)) };
  }

  get isolation(): Isolation | null {
    if (this.#isolated === null) return null;
    const now = this.#monotonic();
    return { forMs: now - this.#isolated.from, patienceMs: Math.max(0, this.#isolated.since + this.#patienceMs - now) };
  }

  /** Says whether that is news. */
  setLinked(isLinked: boolean): boolean {
    if (isLinked === (this.#isolated === null)) return false;
    const now = this.#monotonic();
    this.#isolated = isLinked ? null : { from: now, since: now };
    return true;
  }
}
