import { z } from 'zod';
import { listQuery } from './list-query.ts';
import { pageOf, timestamp } from './page.ts';

/** So many failures in a row make one; until then it is tried again sooner each time. */
export const failuresOfDeadLetter = 5;

/** What a reconciler could not do, however often it tried. It is tried on the reconcilers' period, and at once when somebody asks for it. */
export const DeadLetter = z.object({
  /** Which reconciler, and what it was to look after: mostly an id. */
  loop: z.string(),
  key: z.string(),
  error: z.string(),
  /** In a row. */
  failures: z.number().int().positive(),
  firstFailedAt: timestamp,
  lastFailedAt: timestamp,
});
export type DeadLetter = z.infer<typeof DeadLetter>;
export const DeadLetterPage = pageOf(DeadLetter);
export const DeadLetterListQuery = listQuery(DeadLetter, { loop: z.string().max(64).optional() });
export type DeadLetterListQuery = z.infer<typeof DeadLetterListQuery>;
export const DeadLetterKey = z.object({ loop: z.string().min(1).max(64), key: z.string().min(1).max(255) });
