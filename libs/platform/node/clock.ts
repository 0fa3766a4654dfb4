import { performance } from 'node:perf_hooks';

let lastNs = 0n;

/** Nanoseconds since 1970, strictly increasing within the process, following the system's clock. */
export function nowNs(): bigint {
  const millisecondsNs = BigInt(Date.now()) * 1_000_000n;
  const fractionNs = BigInt(Math.floor(((performance.timeOrigin + performance.now()) % 1) * 1e6));
  const read = millisecondsNs + fractionNs;
  lastNs = read > lastNs ? read : lastNs + 1n;
  return lastNs;
}

/** RFC 3339 in UTC with nanoseconds, as Docker prints times. */
export function formatNs(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const fraction = ns % 1_000_000_000n;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction.toString().padStart(9, '0')}Z`;
}

/** Reads RFC 3339 with any number of fraction digits; null when it is not that. */
export function parseNs(text: string): bigint | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return null;
  const [, dateTime, fraction = '', zone] = match;
  const milliseconds = Date.parse(`${dateTime}${zone}`);
  if (Number.isNaN(milliseconds)) return null;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}
