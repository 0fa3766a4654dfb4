import { randomBytes } from 'node:crypto';
import type { MetadataStore } from '@gantry/runtime/metadata';
import { z } from 'zod';
import type { Lease } from './store.ts';

const LeaseRecord = z.object({ purpose: z.string(), digests: z.array(z.string()), expiresAtMs: z.number() });
type LeaseRecord = z.infer<typeof LeaseRecord>;

/** Whoever leased has ended without releasing when this is over: long enough for any pull, short enough to free the disk. */
const defaultTtlMs = 24 * 3600 * 1000;

export interface Leases {
  create(purpose: string, options?: { ttlMs?: number }): Lease;
  /** Whether some lease that has not expired keeps it. */
  holds(digest: string): boolean;
}

/** Leases in the metadata: they outlive who took them. */
export function createLeases(metadata: MetadataStore, now: () => number): Leases {
  const records = metadata.collection('leases', LeaseRecord);
  const held = new Map<string, LeaseRecord>(records.entries());

  const drop = (id: string) => {
    held.delete(id);
    records.delete(id);
  };

  return {
    create(purpose, { ttlMs = defaultTtlMs } = {}) {
      const id = randomBytes(16).toString('hex');
      const record: LeaseRecord = { purpose, digests: [], expiresAtMs: now() + ttlMs };
      held.set(id, record);
      return {
        id,
        add(...digests) {
          const added = digests.filter((digest) => !record.digests.includes(digest));
          if (added.length === 0) return;
          record.digests.push(...added);
          if (held.has(id)) records.put(id, record);
        },
        release: () => drop(id),
      };
    },
    holds(digest) {
      const moment = now();
      let isHeld = false;
      for (const [id, record] of held) {
        if (record.expiresAtMs <= moment) drop(id);
        else if (record.digests.includes(digest)) isHeld = true;
      }
      return isHeld;
    },
  };
}
