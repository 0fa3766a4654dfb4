import { ResourceName } from '@gantry/contracts/http-api';
import { isMap, parseDocument } from 'yaml';
import { z } from 'zod';

const octal = z.string().regex(/^0?[0-7]{1,3}$/, 'expected octal digits as in "0440"');

/** `db`, or at length. The file's own name for it is `source`. */
export const ComposePayloadUse = z.union([
  z.string().transform((source) => ({ source, target: source, uid: undefined, gid: undefined, mode: undefined })),
  z
    .strictObject({
      source: z.string(),
      target: z.string().optional(),
      uid: z.coerce.number().int().optional(),
      gid: z.coerce.number().int().optional(),
      mode: z.union([z.number().int(), octal.transform((digits) => Number.parseInt(digits, 8))]).optional(),
    })
    .transform(({ target, ...use }) => ({ ...use, target: target ?? use.source })),
]);

const readHere = ['file', 'environment', 'content'] as const;

/** The control plane has no files of the machine that deploys: it knows secrets and configs that are there already. */
export const ComposePayload = z
  .record(z.string(), z.unknown())
  .superRefine((definition, context) => {
    const local = readHere.find((key) => key in definition);
    if (local === undefined) return;
    context.addIssue({
      code: 'custom',
      path: [local],
      message: '`gantry deploy` reads this and stores it; in a file for the control plane itself make it first, and write `external: true`',
    });
  })
  .pipe(z.strictObject({ external: z.literal(true, 'expected `external: true`'), name: ResourceName.optional() }));

/** One secret or config that a Compose file brings along. `name` is what it is called in the cluster; exactly one of the others says where from. */
export interface BroughtPayload {
  readonly kind: 'secret' | 'config';
  readonly key: string;
  readonly name: string;
  readonly file: string | null;
  readonly environment: string | null;
  readonly content: string | null;
}

const Definition = z.object({ name: z.string().optional(), file: z.string().optional(), environment: z.string().optional(), content: z.string().optional() });
const sections = [
  { kind: 'secret', section: 'secrets' },
  { kind: 'config', section: 'configs' },
] as const;

/**
 * For whoever deploys from a machine with files: what the Compose file brings along, and the file with those made external, which the
 * control plane takes. What else is wrong with the file is for the control plane to say.
 */
export function detachPayloads(stackName: string, text: string): { readonly brought: BroughtPayload[]; readonly compose: string } {
  const document = parseDocument(text, { merge: true });
  const brought: BroughtPayload[] = [];
  for (const { kind, section } of sections) {
    const definitions = document.get(section);
    if (!isMap(definitions)) continue;
    for (const { key: node } of definitions.items) {
      const key = String(node);
      const definition = definitions.get(node);
      const parsed = Definition.safeParse(isMap(definition) ? definition.toJS(document) : null);
      if (!parsed.success) continue;
      const { name = `${stackName}_${key}`, file = null, environment = null, content = null } = parsed.data;
      if (file === null && environment === null && content === null) continue;
      brought.push({ kind, key, name, file, environment, content });
      definitions.set(node, document.createNode({ external: true, name }));
    }
  }
  return { brought, compose: brought.length === 0 ? text : String(document) };
}
