import { z } from 'zod';

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('at most this many items'),
  cursor: z.string().max(512).optional().describe('nextCursor of the page before'),
});

/** One page of a list; nextCursor is null on the last one. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** RFC 3339 time, UTC. */
export const timestamp = z.iso.datetime();

/** Grows with every change of the record; a writer sends the version it read, and a live event is used only when newer. */
export const recordVersion = z.number().int().nonnegative();
