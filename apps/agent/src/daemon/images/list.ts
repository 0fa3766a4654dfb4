import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, type Filters, parseFilters, parseTimestamp } from '@gantry/engine-api/protocol';
import { shapeImageSummary } from '@gantry/engine-api/shapes';
import type { Image } from '@gantry/runtime/images';
import type { Engine } from '../engine.ts';
import { getImage } from '../lookup.ts';
import { familiarDigests, familiarTags } from './inspect.ts';

const accepted = ['before', 'dangling', 'label', 'reference', 'since', 'until'];

/** Go's path.Match as `docker images --filter reference=` uses it: `*` stays within one component. */
function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]');
  try {
    return new RegExp(`^${source}$`).test(text);
  } catch (cause) {
    throw invalidPattern(pattern, cause);
  }
}

function invalidPattern(pattern: string, cause: unknown): EngineError {
  return new EngineError(400, `invalid filter 'reference=${pattern}': syntax error in pattern`, { cause });
}

function nameMatches(name: string, pattern: string): boolean {
  const repository = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return matchesPattern(pattern, name) || matchesPattern(pattern, repository);
}

function matchesReference(image: Image, pattern: string): boolean {
  return [...familiarTags(image), ...familiarDigests(image)].some((name) => nameMatches(name, pattern));
}

function createdNs(image: Image): bigint {
  return image.createdAt === null ? 0n : BigInt(Date.parse(image.createdAt)) * 1_000_000n;
}

export function isDangling(image: Image): boolean {
  return familiarTags(image).length === 0;
}

export function imagePredicate(engine: Engine, filters: Filters): (image: Image) => boolean {
  const until = filters.get('until').map((text) => {
    const time = parseTimestamp(text, Date.now());
    if (time === null) throw new EngineError(400, `invalid filter 'until=${text}'`);
    return time;
  });
  const before = filters.get('before').map((reference) => createdNs(getImage(engine, reference)));
  const since = filters.get('since').map((reference) => createdNs(getImage(engine, reference)));
  const dangling = filters.has('dangling') ? filters.boolean('dangling', false) : null;
  return (image) =>
    (dangling === null || isDangling(image) === dangling) &&
    filters.matchesLabels(image.config.config.Labels ?? {}) &&
    filters.some('reference', (pattern) => matchesReference(image, pattern)) &&
    [...until, ...before].every((time) => createdNs(image) < time) &&
    since.every((time) => createdNs(image) > time);
}

export function toImageSummary(engine: Engine, image: Image): Record<string, unknown> {
  const users = engine.runtime.containers.list().filter((container) => container.imageId === image.id).length;
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: familiarTags(image),
    RepoDigests: familiarDigests(image),
    Created: Math.floor(Number(createdNs(image) / 1_000_000_000n)),
    Size: image.sizeBytes,
    SharedSize: -1,
    Labels: image.config.config.Labels ?? null,
    Containers: users,
  };
}

/** GET /images/json */
export function listImages(engine: Engine, exchange: Exchange): void {
  const filters = parseFilters(exchange.text('filters'), accepted);
  const matches = imagePredicate(engine, filters);
  // Asked for some names, an image does not show its others.
  const named = (names: readonly string[]) => names.filter((name) => filters.some('reference', (pattern) => nameMatches(name, pattern)));
  const images = engine.runtime.images.list().filter(matches);
  images.sort((a, b) => (createdNs(a) < createdNs(b) ? 1 : -1));
  exchange.sendJson(
    200,
    images.map((image) => {
      const summary = { ...toImageSummary(engine, image), RepoTags: named(familiarTags(image)), RepoDigests: named(familiarDigests(image)) };
      return shapeImageSummary(exchange.version, summary);
    }),
  );
}
