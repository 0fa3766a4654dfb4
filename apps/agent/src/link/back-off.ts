export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Milliseconds to wait before attempt `failures` + 1. Full jitter: anywhere up to the doubled time, so that a fleet spreads out evenly. */
export function backOffMs({ firstMs, longestMs }: BackOff, failures: number, random: number): number {
  return Math.round(random * Math.min(longestMs, firstMs * 2 ** Math.min(failures, 30)));
}
