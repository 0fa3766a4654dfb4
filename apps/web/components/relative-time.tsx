'use client';

import { useNow } from '../lib/time/clock.ts';
import { formatExact, formatRelative } from '../lib/time/relative.ts';

export function RelativeTime({ at, className }: { at: string; className?: string }) {
  const nowMs = useNow();
  const atMs = Date.parse(at);
  return (
    <time dateTime={at} title={nowMs === undefined ? at : formatExact(atMs)} className={className}>
      {nowMs === undefined ? at.slice(0, 16).replace('T', ' ') : formatRelative(atMs, nowMs)}
    </time>
  );
}
