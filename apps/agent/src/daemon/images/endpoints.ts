import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, parseFilters } from '@gantry/engine-api/protocol';
import { shapeImageInspect } from '@gantry/engine-api/shapes';
import { familiarReference } from '@gantry/oci/reference';
import { hasCode } from '@gantry/platform/errors';
import type { Image, RemovedImage } from '@gantry/runtime/images';
import { emitPrune } from '../emit.ts';
import { type Endpoint, on } from '../endpoint.ts';
import type { Engine } from '../engine.ts';
import { getImage } from '../lookup.ts';
import { toImageInspect } from './inspect.ts';
import { imagePredicate, isDangling, listImages } from './list.ts';
import { requirePlatform, wantedPlatform } from './platform.ts';
import { newTag } from './reference.ts';
import { createImage, loadImages, pushImage, saveImages } from './transfer.ts';

function inspectImage(engine: Engine, exchange: Exchange): void {
  const name = exchange.param('name');
  const image = getImage(engine, name);
  requirePlatform(image, wantedPlatform(exchange), name);
  exchange.sendJson(200, shapeImageInspect(exchange.version, toImageInspect(image), exchange.header('user-agent')));
}

function imageHistory(engine: Engine, exchange: Exchange): void {
  const image = getImage(engine, exchange.param('name'));
  requirePlatform(image, wantedPlatform(exchange), exchange.param('name'));
  exchange.sendJson(
    200,
    engine.runtime.images.history(image.id).map((entry) => ({
      Id: entry.id,
      Created: entry.createdAt === null ? 0 : Math.floor(Date.parse(entry.createdAt) / 1000),
      CreatedBy: entry.createdBy,
      Tags: entry.tags.length > 0 ? entry.tags.map(familiarReference) : null,
      Size: entry.sizeBytes,
      Comment: entry.comment,
    })),
  );
}

function tagImage(engine: Engine, exchange: Exchange): void {
  const image = getImage(engine, exchange.param('name'));
  engine.runtime.images.tag(image.id, newTag(exchange.text('repo'), exchange.text('tag')));
  exchange.sendStatus(201);
}

function toRemovedLines(removed: RemovedImage): Record<string, string>[] {
  return [...removed.untagged.map((reference) => ({ Untagged: familiarReference(reference) })), ...removed.deleted.map((id) => ({ Deleted: id }))];
}

/** Docker says which container stands in the way, and whether force would help. */
function inUse(engine: Engine, name: string, image: Image, cause: unknown): unknown {
  if (!hasCode(cause, 'conflict')) return cause;
  const users = engine.runtime.containers.list().filter((container) => container.imageId === image.id);
  const [user] = users;
  if (user === undefined) return cause;
  const isRunning = user.state.pid !== 0;
  const subject =
    image.id.startsWith(name) || image.id.slice(7).startsWith(name)
      ? `unable to delete ${image.id.slice(7, 19)}`
      : `unable to remove repository reference "${name}"`;
  const must = isRunning ? 'cannot be forced' : 'must force';
  return new EngineError(409, `conflict: ${subject} (${must}) - container ${user.id.slice(0, 12)} is using its referenced image ${image.id.slice(7, 19)}`, {
    cause,
  });
}

async function removeImage(engine: Engine, exchange: Exchange): Promise<void> {
  const name = exchange.param('name');
  const image = getImage(engine, name);
  try {
    const removed = await engine.runtime.images.remove(name, { force: exchange.boolean('force') });
    exchange.sendJson(200, toRemovedLines(removed));
  } catch (cause) {
    throw inUse(engine, name, image, cause);
  }
}

async function pruneImages(engine: Engine, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.text('filters'), ['dangling', 'label', 'label!', 'until']);
  const onlyDangling = filters.boolean('dangling', true);
  const withoutDangling = parseFilters(
    JSON.stringify(Object.fromEntries(['label', 'until'].map((key) => [key, filters.get(key)]).filter(([, values]) => values?.length))),
    ['label', 'until'],
  );
  const matches = imagePredicate(engine, withoutDangling);
  const removed = await engine.runtime.images.prune({
    matches: (image) =>
      (!onlyDangling || isDangling(image)) && matches(image) && (!filters.has('label!') || !filters.matchesLabels(image.config.config.Labels ?? {}, 'label!')),
  });
  emitPrune(engine, 'image', removed.reclaimedBytes);
  const lines = toRemovedLines(removed);
  exchange.sendJson(200, { ImagesDeleted: lines.length > 0 ? lines : null, SpaceReclaimed: removed.reclaimedBytes });
}

export const imageEndpoints: readonly Endpoint[] = [
  on('GET', '/images/json', listImages),
  on('GET', '/images/get', (engine, exchange) => saveImages(engine, exchange, exchange.query.getAll('names'))),
  on('POST', '/images/create', createImage),
  on('POST', '/images/load', loadImages),
  on('POST', '/images/prune', pruneImages),
  on('GET', '/images/{name}/json', inspectImage),
  on('GET', '/images/{name}/history', imageHistory),
  on('GET', '/images/{name}/get', (engine, exchange) => saveImages(engine, exchange, [exchange.param('name')])),
  on('POST', '/images/{name}/push', pushImage),
  on('POST', '/images/{name}/tag', tagImage),
  on('DELETE', '/images/{name}', removeImage),
];
