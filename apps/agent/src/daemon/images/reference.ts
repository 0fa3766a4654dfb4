import { EngineError } from '@gantry/engine-api/protocol';
import { formatReference, parseReference, withDefaultTag } from '@gantry/oci/reference';

/** `repo` and `tag` of a request as one normalised reference; null when there is no repo. The tag may be part of the repo, or a digest. */
export function targetReference(repo: string | null, tag: string | null): string | null {
  if (repo === null) return null;
  const separator = tag?.includes(':') ? '@' : ':';
  const reference = parseReference(tag === null ? repo : `${repo}${separator}${tag}`);
  return formatReference(withDefaultTag(reference));
}

/** A new name for an image: digests name content, not images. */
export function newTag(repo: string | null, tag: string | null): string {
  const target = targetReference(repo, tag);
  if (target === null) throw new EngineError(400, 'invalid reference format: repository name must have at least one component');
  if (target.includes('@')) throw new EngineError(400, 'refusing to create a tag with a digest reference');
  return target;
}
