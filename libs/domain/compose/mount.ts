import { MountSpec } from '@gantry/contracts/http-api';
import { z } from 'zod';

type Mount = z.infer<typeof MountSpec>;

/** `SOURCE:TARGET[:ro|rw]` or `TARGET`. A relative source is refused: no host has the directory the file lies in. */
function parseShortMount(text: string): Mount | string {
  const [first = '', second, mode, ...rest] = text.split(':');
  if (rest.length > 0 || first === '') return `"${text}" is no volume: expected SOURCE:TARGET[:ro]`;
  if (mode !== undefined && mode !== 'ro' && mode !== 'rw') return `"${text}" has an unknown mode "${mode}": expected ro or rw`;
  const target = second ?? first;
  if (!target.startsWith('/')) return `"${text}" has a target that is no absolute path`;
  if (second === undefined) return MountSpec.parse({ type: 'volume', target });
  if (/^[.~]/.test(first)) return `"${text}" has a relative source: services need an absolute path, the same on every node`;
  return MountSpec.parse({ type: first.startsWith('/') ? 'bind' : 'volume', source: first, target, readOnly: mode === 'ro' });
}

const LongMount = z
  .strictObject({
    type: z.enum(['bind', 'volume', 'tmpfs']),
    source: z.string().default(''),
    target: z.string().startsWith('/'),
    read_only: z.boolean().default(false),
  })
  .transform(({ type, source, target, read_only }): Mount => ({ type, source, target, readOnly: read_only }));

const ShortMount = z.string().transform((text, context): Mount => {
  const mount = parseShortMount(text);
  if (typeof mount !== 'string') return mount;
  context.addIssue({ code: 'custom', message: mount });
  return z.NEVER;
});

export const ComposeMount = z.union([ShortMount, LongMount]);
