import type { Readable } from 'node:stream';
import { shortDigest } from '@gantry/oci/digest';
import { hostPlatform, mediaTypes } from '@gantry/oci/manifest';
import { formatReference, normaliseReference, parseReference } from '@gantry/oci/reference';
import { Coalescer, SharedLock } from '@gantry/platform/concurrency';
import { invalid } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { ContentStore } from '@gantry/runtime/content';
import type { Events } from '@gantry/runtime/events';
import type { Executor } from '@gantry/runtime/executor';
import type { MetadataStore } from '@gantry/runtime/metadata';
import type { Snapshotter } from '@gantry/runtime/snapshots';
import type { ImageConfig } from './config.ts';
import { toHistory } from './history.ts';
import { openImageRecords } from './image-records.ts';
import type { ComposedLayer, Image, Images, ImageUser, LoadedImage } from './images.ts';
import { importRootfs } from './import-rootfs.ts';
import { LayerDrafts, readImageArchive } from './load-archive.ts';
import { createPuller, type PullSettings } from './pull.ts';
import { createPusher } from './push.ts';
import { registerImage } from './register-image.ts';
import { createRemover } from './remove-image.ts';
import { type SavedImage, toManifest, writeImageArchive } from './save-archive.ts';
import { createLayerUnpacker, type PlacedLayer } from './unpack-layers.ts';

export interface ImageStoreOptions {
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
  readonly metadata: MetadataStore;
  readonly events: Events;
  readonly executor: Pick<Executor, 'decompress'>;
  readonly logger: Logger;
  readonly registry: PullSettings;
}

export async function openImageStore(options: ImageStoreOptions): Promise<Images> {
  const { content, snapshots, events, logger } = options;
  const records = await openImageRecords(options.metadata, content, logger);
  const parts = { content, snapshots, records, unpackLayers: createLayerUnpacker({ content, snapshots }) };
  /** Work that makes images shares it; garbage collection wants it alone. */
  const lock = new SharedLock();
  const collecting = new Coalescer<{ reclaimedBytes: number; layers: string[] }>();
  let findUser: (imageId: string) => ImageUser | null = () => null;

  function emit(action: string, id: string, name: string): void {
    events.emit({ type: 'image', action, id, attributes: { name } });
  }

  function collect(): Promise<{ reclaimedBytes: number; layers: string[] }> {
    return collecting.run('garbage', () =>
      lock.exclude(async () => {
        const images = records.list();
        const chains = new Set(images.map((image) => image.chainId));
        const blobs = new Set(images.flatMap((image) => [image.id, image.manifestDigest, ...image.layers.map((layer) => layer.digest)]));
        const layers = await snapshots.collectGarbage((chainId) => chains.has(chainId));
        const freed = await content.collectGarbage((digest) => blobs.has(digest));
        return { reclaimedBytes: layers.reclaimedBytes + freed.reclaimedBytes, layers: layers.removed };
      }),
    );
  }

  async function compose(config: ImageConfig, layers: readonly ComposedLayer[], references: readonly string[]): Promise<Image> {
    const lease = content.lease('compose an image');
    try {
      const bytes = Buffer.from(JSON.stringify(config));
      const configDigest = await content.put(bytes);
      lease.add(configDigest);
      const manifest = toManifest({ digest: configDigest, sizeBytes: bytes.length }, layers);
      lease.add(manifest.digest);
      await content.put(manifest.bytes);
      const image = await registerImage(parts, {
        manifest: {
          schemaVersion: 2,
          config: { mediaType: mediaTypes.ociConfig, digest: configDigest, size: bytes.length },
          layers: layers.map((layer) => ({ mediaType: layer.mediaType, digest: layer.digest, size: layer.sizeBytes })),
        },
        manifestDigest: manifest.digest,
        manifestMediaType: mediaTypes.ociManifest,
      });
      for (const reference of references) {
        records.name(normaliseReference(reference), image.id);
        emit('tag', image.id, reference);
      }
      return records.get(image.id);
    } finally {
      lease.release();
    }
  }

  async function load(tar: Readable, loadOptions: Parameters<Images['load']>[1] = {}): Promise<LoadedImage[]> {
    const lease = content.lease('load an archive');
    const drafts = new LayerDrafts();
    try {
      const onFile = (path: string, total: number) => loadOptions.onProgress?.({ id: shortDigest(path), status: 'Loading layer', current: total, total });
      const signal = loadOptions.signal ?? new AbortController().signal;
      const archived = await readImageArchive({ content, snapshots, executor: options.executor, lease, drafts, signal }, tar, onFile);
      const loaded: LoadedImage[] = [];
      for (const item of archived) {
        const receive = async ({ descriptor: { digest }, diffId }: PlacedLayer, layerSignal: AbortSignal) => {
          const draft = drafts.take(digest);
          if (draft?.diffId === diffId) return draft;
          draft?.discard();
          return snapshots.receive({ source: content.path(digest), digest, diffId, keep: null }, { signal: layerSignal });
        };
        const image = await registerImage(parts, { ...item, receive, signal });
        for (const reference of item.references) records.name(reference, image.id);
        emit('load', image.id, item.references[0] ?? image.id);
        loaded.push({ image: records.get(image.id), references: item.references });
      }
      return loaded;
    } finally {
      drafts.discard();
      lease.release();
    }
  }

  async function importImage(tar: Readable, request: Parameters<Images['import']>[1]): Promise<Image> {
    const lease = content.lease('import a root file system');
    try {
      const layer = await importRootfs(parts, lease, tar, request.signal);
      const { os, architecture } = hostPlatform();
      const created = new Date().toISOString();
      const image = await compose(
        {
          architecture,
          config: request.config ?? {},
          created,
          history: [{ created, comment: request.message ?? 'Imported from -' }],
          os,
          rootfs: { type: 'layers', diff_ids: [layer.diffId] },
        },
        [layer],
        request.reference === null ? [] : [request.reference],
      );
      emit('import', image.id, request.reference ?? image.id);
      return image;
    } finally {
      lease.release();
    }
  }

  function toSaved(reference: string): SavedImage[] {
    const image = records.get(reference);
    if (image.id === reference || /^[0-9a-f]{12,64}$/.test(reference)) return [{ image, references: [] }];
    const parsed = parseReference(reference);
    if (parsed.tag !== null || parsed.digest !== null) return [{ image, references: parsed.tag === null ? [] : [normaliseReference(reference)] }];
    // `docker save NAME` takes every tag of the repository.
    const prefix = `${formatReference(parsed)}:`;
    return records
      .list()
      .map((candidate) => ({ image: candidate, references: candidate.references.filter((tag) => tag.startsWith(prefix)) }))
      .filter((candidate) => candidate.references.length > 0);
  }

  function mergeSaved(items: readonly SavedImage[]): SavedImage[] {
    const byId = new Map<string, { image: Image; references: string[] }>();
    for (const { image, references } of items) {
      const known = byId.get(image.id) ?? { image, references: [] };
      for (const reference of references) if (!known.references.includes(reference)) known.references.push(reference);
      byId.set(image.id, known);
    }
    return [...byId.values()];
  }

  const puller = createPuller({ ...parts, settings: options.registry, logger });
  const pusher = createPusher({ ...parts, settings: options.registry });
  const remover = createRemover({ records, emit, findUser: (imageId) => findUser(imageId), collect: () => (lock.isIdle ? collect() : later()) });

  async function later(): Promise<{ reclaimedBytes: number; layers: string[] }> {
    collect().catch((error: unknown) => logger.error({ err: error }, 'could not free unused layers'));
    return { reclaimedBytes: 0, layers: [] };
  }

  return {
    list: () => records.list(),
    get: (reference) => records.get(reference),
    find: (reference) => records.find(reference),
    async pull(reference, pullOptions = {}) {
      const pulled = await lock.share(() => puller(reference, pullOptions));
      emit('pull', pulled.reference, pulled.reference);
      return pulled;
    },
    async push(reference, pushOptions = {}) {
      const pushed = await lock.share(() => pusher(reference, pushOptions));
      emit('push', records.get(reference).id, reference);
      return pushed;
    },
    load: (tar, loadOptions) => lock.share(() => load(tar, loadOptions)),
    save(references) {
      const items = mergeSaved(references.flatMap(toSaved));
      for (const { image } of items) emit('save', image.id, image.references[0] ?? image.id);
      return writeImageArchive(content, items);
    },
    import: (tar, request) => lock.share(() => importImage(tar, request)),
    compose: ({ config, layers, references = [] }) => lock.share(() => compose(config, layers, references)),
    assemble: (work) => lock.share(work),
    tag(image, reference) {
      const target = records.get(image);
      const parsed = parseReference(reference);
      if (parsed.digest !== null) throw invalid(`refusing to create a tag with a digest reference: ${reference}`);
      const normalised = normaliseReference(reference);
      records.name(normalised, target.id);
      emit('tag', target.id, normalised);
    },
    remove: (image, removeOptions = {}) => remover.remove(image, removeOptions.force ?? false),
    history: (reference) => toHistory(records.get(reference), (chainId) => snapshots.layerSize(chainId)),
    prune: (pruneOptions = {}) => remover.prune(pruneOptions.matches ?? ((image) => image.references.length === 0)),
    async collectGarbage() {
      const { reclaimedBytes } = await collect();
      return { reclaimedBytes };
    },
    usedBy(find) {
      findUser = find;
    },
  };
}
