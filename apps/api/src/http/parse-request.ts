import { invalid } from '@gantry/platform/errors';
import type { z } from 'zod';

/** For routes outside the contract: the parsed value, or an error that names the field. */
export function parseRequest<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw invalid(`${field === '' ? 'request' : field}: ${issue?.message ?? 'not valid'}`, { field, cause: parsed.error });
}
