import { z } from 'zod';

/** Go's JSON decoder reads null as the zero value; these do the same, so that clients written against dockerd keep working. */
export const goString = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
export const goBoolean = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
export const goInteger = z
  .number()
  .int()
  .nullish()
  .transform((value) => value ?? 0);
export const goStrings = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);
export const goStringMap = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});
/** Go's `map[string]struct{}`. */
export const goSet = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => Object.keys(value ?? {}));

export function goList<Item extends z.ZodType>(item: Item) {
  return z
    .array(item)
    .nullish()
    .transform((value) => value ?? []);
}

export function goMap<Value extends z.ZodType>(value: Value) {
  return z
    .record(z.string(), value)
    .nullish()
    .transform((map) => map ?? {});
}
