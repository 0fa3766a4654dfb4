import { z } from 'zod';
import { pageQuery } from './page.ts';

const mostFields = 64;
const mostLabels = 16;

/** The schemas that a value below `name` may have; null: any. */
function below(schema: z.core.$ZodType, name: string): readonly z.core.$ZodType[] | null {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return below(schema.unwrap(), name);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => below(option, name) ?? []);
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  if (!(schema instanceof z.ZodObject)) return [];
  const field: z.core.$ZodType | undefined = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
  return field === undefined ? [] : [field];
}

function hasField(item: z.core.$ZodType, path: string): boolean {
  const reached = path.split('.').reduce<readonly z.core.$ZodType[]>((schemas, name) => schemas.flatMap((schema) => below(schema, name) ?? []), [item]);
  return reached.length > 0;
}

/** `fields=id,spec.name`: of each item these alone. A name that no item has is an error. */
function fieldsOf(item: z.ZodObject) {
  return z
    .string()
    .max(2_048)
    .superRefine((text, context) => {
      const paths = text.split(',');
      if (paths.length > mostFields) context.addIssue({ code: 'custom', message: `expected at most ${mostFields} fields` });
      const unknown = paths.find((path) => !hasField(item, path));
      if (unknown !== undefined) context.addIssue({ code: 'custom', message: `there is no field "${unknown.slice(0, 100)}"` });
    })
    .optional()
    .describe('of each item these fields alone: names with commas between them, below others as in spec.name');
}

export const nameFilter = {
  name: z.string().max(255).optional().describe('with this name'),
  namePrefix: z.string().min(1).max(255).optional().describe('with a name that begins so'),
};

export interface LabelFilter {
  readonly name: string;
  /** Null: any. */
  readonly value: string | null;
}

/** `label=zone=a,disk`: with all of these labels, those with a value having that. */
export const labelFilter = {
  label: z
    .string()
    .max(4_096)
    .refine((text) => text.split(',').length <= mostLabels, `expected at most ${mostLabels} labels`)
    .refine((text) => text.split(',').every((word) => /^[^=]+/.test(word)), 'expected NAME or NAME=VALUE, with commas between them')
    .optional()
    .describe('with these labels: NAME or NAME=VALUE, with commas between them'),
};

export function parseLabelFilter(text: string | undefined): LabelFilter[] {
  if (text === undefined) return [];
  return text.split(',').map((word) => {
    const at = word.indexOf('=');
    return at === -1 ? { name: word, value: null } : { name: word.slice(0, at), value: word.slice(at + 1) };
  });
}

/** What a list takes: which page, which items, and what of each. */
export function listQuery<Filters extends z.ZodRawShape>(item: z.ZodObject, filters: Filters) {
  return pageQuery.extend({ fields: fieldsOf(item) }).extend(filters);
}
