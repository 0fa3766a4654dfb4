import type { HistoryEntry, Image } from './images.ts';

/** Newest first, as `docker history` shows it; the newest carries the image's id and tags. */
export function toHistory(image: Image, layerSize: (chainId: string) => number): HistoryEntry[] {
  const entries: HistoryEntry[] = [];
  const layers = [...image.layers];
  for (const entry of image.config.history) {
    const layer = entry.empty_layer === true ? undefined : layers.shift();
    entries.unshift({
      id: '<missing>',
      createdAt: entry.created ?? null,
      createdBy: entry.created_by ?? '',
      comment: entry.comment ?? '',
      sizeBytes: layer === undefined ? 0 : layerSize(layer.chainId),
      tags: [],
    });
  }
  const newest = entries[0];
  if (newest !== undefined) entries[0] = { ...newest, id: image.id, tags: image.references };
  return entries;
}
