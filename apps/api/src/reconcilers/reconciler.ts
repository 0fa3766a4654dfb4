/**
 * A loop that makes one kind of resource what it should be. It takes nothing but a key, reads the world, decides by a pure planner, acts, and
 * is idempotent: woken twice, or by mistake, it does no harm. It does not retry: its period does.
 */
export interface Reconciler {
  readonly loop: string;
  /** All keys there are, for the period. */
  keys(): Promise<string[]>;
  reconcile(key: string): Promise<void>;
}

/** The key of loops that look after the whole cluster at once. */
export const wholeCluster = 'cluster';
