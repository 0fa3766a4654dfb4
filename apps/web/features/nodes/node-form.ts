import { type ClusterNode, NodeSpec } from '@gantry/contracts/http-api';
import { z } from 'zod';

type Spec = ClusterNode['spec'];

/** What a person types, all of it text; `toChange` makes the contract's fields of it. */
export const NodeForm = z.object({
  name: z
    .string()
    .trim()
    .refine((text) => NodeSpec.shape.name.safeParse(text).success, 'Enter a name of at most 255 characters'),
  labels: z.string().superRefine((text, context) => {
    const names = linesOf(text).map((line) => splitLabel(line)[0]);
    if (names.includes('')) context.addIssue({ code: 'custom', message: 'Write each line as name=value' });
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice) context.addIssue({ code: 'custom', message: `${twice} is there twice` });
  }),
});
export type NodeForm = z.infer<typeof NodeForm>;

export const toNodeForm = ({ name, labels }: Spec): NodeForm => ({
  name,
  labels: Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join('\n'),
});

export const toNodeChange = ({ name, labels }: NodeForm): Pick<Spec, 'name' | 'labels'> => ({
  name,
  labels: Object.fromEntries(linesOf(labels).map(splitLabel)),
});

/** A label's value may hold a "=", its name may not. */
function splitLabel(line: string): [string, string] {
  const [name = '', ...value] = line.split('=');
  return [name.trim(), value.join('=').trim()];
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
