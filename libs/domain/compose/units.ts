import { z } from 'zod';

const byteUnits: Record<string, number> = { '': 1, b: 1, k: 1024, kb: 1024, m: 1024 ** 2, mb: 1024 ** 2, g: 1024 ** 3, gb: 1024 ** 3 };
const durationUnits: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `64m`, `1.5g`, 1048576. */
export function parseBytes(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = byteUnits[(match?.[2] ?? '?').toLowerCase()];
  return match === null || unit === undefined ? null : Math.round(Number(match[1]) * unit);
}

/** `1m30s`, `500ms`, as in Compose and Go. */
export function parseDurationMs(text: string): number | null {
  if (!/^(\d+(\.\d+)?(us|ms|s|m|h))+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g)) total += Number(amount) * (durationUnits[unit ?? ''] ?? 0);
  return Math.round(total);
}

function parsed<T>(read: (text: string) => T | null, expected: string) {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const result = read(String(value));
    if (result !== null) return result;
    context.addIssue({ code: 'custom', message: `"${value}" is no ${expected}` });
    return z.NEVER;
  });
}

export const Bytes = parsed(parseBytes, 'size: expected a number with b, k, m or g');
export const DurationMs = parsed(parseDurationMs, 'duration: expected something like 1m30s');
export const NanoCpus = parsed((text) => (/^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1e9) : null), 'number of cpus');
