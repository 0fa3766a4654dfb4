import { parseGoDuration } from './duration.ts';

/** Go's zero time, as Docker prints it for "never". */
export const zeroTime = '0001-01-01T00:00:00Z';

const unixSeconds = /^(-?\d{1,12})(?:\.(\d{1,9}))?$/;
const isoLike = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.(\d{1,9}))?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * A point in time as clients give it: unix seconds with a fraction, RFC 3339 (whole days and missing zones allowed), or a Go
 * duration before `nowMs`. The result is in nanoseconds since the epoch; null when it is none of these.
 */
export function parseTimestamp(text: string, nowMs: number): bigint | null {
  const unix = unixSeconds.exec(text);
  if (unix) return BigInt(unix[1] ?? '0') * 1_000_000_000n + BigInt((unix[2] ?? '').padEnd(9, '0'));
  const ago = parseGoDuration(text);
  if (ago !== null) return BigInt(nowMs) * 1_000_000n - BigInt(Math.round(ago));
  const iso = isoLike.exec(text);
  if (!iso) return null;
  const ms = Date.parse(iso[1] === undefined ? text : text.replace(`.${iso[1]}`, ''));
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n + BigInt((iso[1] ?? '').padEnd(9, '0'));
}

/** RFC 3339 in UTC with up to nine digits, trailing zeros dropped, as Go's RFC3339Nano. */
export function formatTimestamp(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === '' ? `${whole}Z` : `${whole}.${fraction}Z`;
}
