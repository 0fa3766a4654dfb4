import type { ServiceSpec } from '@gantry/contracts/http-api';
import { parse, type ScalarTag, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { ComposeFile } from './compose-file.ts';
import { toServices } from './to-services.ts';

export interface ComposeFault {
  /** The key at fault, as in `services.web.deploy.replicas`; empty for the whole file. */
  readonly key: string;
  readonly message: string;
}

export type ParsedCompose = { readonly kind: 'parsed'; readonly services: ServiceSpec[] } | { readonly kind: 'refused'; readonly faults: ComposeFault[] };

/** Compose's own parser takes 0440 for octal, as YAML 1.1 did. */
const olderOctal: ScalarTag = {
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^0[0-7]+$/,
  resolve: (digits) => Number.parseInt(digits, 8),
};

type Issue = z.core.$ZodIssue;

/** The branch of a union that came furthest says best what is wrong. */
function deepest(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map((inner) => inner.path.length + (inner.code === 'invalid_type' ? 0 : 1)));
  const [best] = [...issue.errors].sort((a, b) => depth(b) - depth(a));
  if (best === undefined || best.length === 0) return [issue];
  return best.flatMap((inner) => deepest({ ...inner, path: [...issue.path, ...inner.path] }));
}

function toFaults(issue: Issue): ComposeFault[] {
  const key = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((name) => ({ key: [...issue.path.map(String), name].join('.'), message: 'this key is not supported' }));
  return [{ key, message: issue.message }];
}

/** The text of a Compose file as the services of a stack, or everything that is wrong with it. */
export function parseCompose(stackName: string, text: string): ParsedCompose {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 100, merge: true, customTags: (tags) => [olderOctal, ...tags] });
  } catch (error) {
    if (!(error instanceof YAMLParseError) && !(error instanceof ReferenceError)) throw error;
    return { kind: 'refused', faults: [{ key: '', message: error.message }] };
  }
  const file = ComposeFile.safeParse(withoutExtensions(document));
  if (!file.success) return { kind: 'refused', faults: file.error.issues.flatMap(deepest).flatMap(toFaults) };
  try {
    return { kind: 'parsed', services: toServices(stackName, file.data) };
  } catch (error) {
    // what Compose allows and a service does not, such as a stack's and a service's name that are too long together
    if (!(error instanceof z.ZodError)) throw error;
    return { kind: 'refused', faults: error.issues.flatMap(toFaults) };
  }
}

/** `x-…` keys at the top are the author's own. */
function withoutExtensions(document: unknown): unknown {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return document;
  return Object.fromEntries(Object.entries(document).filter(([key]) => !key.startsWith('x-')));
}
