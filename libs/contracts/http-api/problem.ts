import { z } from 'zod';

/** Every error of the API: `application/problem+json` (RFC 9457). */
export const Problem = z.object({
  /** Stable and for programs: `not-found`, `conflict`, `invalid`, … */
  code: z.string(),
  title: z.string(),
  status: z.number().int(),
  /** For people. */
  detail: z.string(),
  /** The parts of the request at fault; `field` is a path as in `task.mounts.0.target`, empty for the whole. */
  errors: z.array(z.object({ field: z.string(), message: z.string() })),
});
export type Problem = z.infer<typeof Problem>;
