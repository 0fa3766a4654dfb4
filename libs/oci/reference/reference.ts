import { isDigest } from '@gantry/oci/digest';
import { invalid } from '@gantry/platform/errors';

/**
 * Image references as Docker writes them (distribution/reference): `[host[:port]/]path[:tag][@digest]`. The *familiar* form leaves out
 * docker.io, library/ and is what people see; the *normalised* form has all of it and is what we store.
 */
export interface Reference {
  /** `docker.io`, `127.0.0.1:5000` */
  readonly domain: string;
  /** `library/busybox` */
  readonly path: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

export const defaultDomain = 'docker.io';
const domainPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;

function splitDomain(name: string): [domain: string, path: string] {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isDomain = first.includes('.') || first.includes(':') || first === 'localhost' || first.toLowerCase() !== first;
  const domain = isDomain ? first : defaultDomain;
  const path = isDomain ? name.slice(slash + 1) : name;
  if (domain === 'index.docker.io') return splitDomain(`${defaultDomain}/${path}`);
  return [domain, domain === defaultDomain && !path.includes('/') ? `library/${path}` : path];
}

/** A reference without a tag or digest stays so: see `withDefaultTag`. */
export function parseReference(text: string): Reference {
  const fail = (why: string) => invalid(`invalid reference format: ${JSON.stringify(text.slice(0, 300))}${why}`);
  const at = text.indexOf('@');
  const digest = at < 0 ? null : text.slice(at + 1);
  if (digest !== null && !isDigest(digest)) throw fail(': the digest is not sha256 or sha512');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : null;
  if (tag !== null && !tagPattern.test(tag)) throw fail(': bad tag');
  const name = hasTag ? named.slice(0, colon) : named;
  if (/^[a-f0-9]{64}$/.test(name)) throw fail(': a name of 64 hexadecimal digits is an id');
  const [domain, path] = splitDomain(name);
  if (!domainPattern.test(domain)) throw fail(': bad host');
  if (!pathPattern.test(path)) throw fail(path.toLowerCase() === path ? '' : ': repository name must be lowercase');
  if (domain.length + 1 + path.length > 255) throw fail(': name over 255 characters');
  return { domain, path, tag, digest };
}

export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === null && reference.digest === null ? { ...reference, tag: 'latest' } : reference;
}

/** `docker.io/library/busybox` */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

export function formatReference(reference: Reference): string {
  return `${repositoryOf(reference)}${reference.tag === null ? '' : `:${reference.tag}`}${reference.digest === null ? '' : `@${reference.digest}`}`;
}

/** The whole name, `latest` put in: `docker.io/library/busybox:latest`. */
export function normaliseReference(text: string): string {
  return formatReference(withDefaultTag(parseReference(text)));
}

/** `busybox:latest`, `user/x`, `ghcr.io/a/b:1` */
export function familiarReference(normalised: string): string {
  if (!normalised.startsWith(`${defaultDomain}/`)) return normalised;
  const path = normalised.slice(defaultDomain.length + 1);
  const rest = path.startsWith('library/') ? path.slice('library/'.length) : path;
  return rest.includes('/') && path.startsWith('library/') ? path : rest;
}
