import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OverlayRootfs } from '@gantry/contracts/executor';
import { chainIds, parseDigest } from '@gantry/oci/digest';
import { mediaTypes } from '@gantry/oci/manifest';
import { Coalescer, Semaphore } from '@gantry/platform/concurrency';
import { bug, notFound, whileTrying } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { ContentStore } from '@gantry/runtime/content';
import type { Executor } from '@gantry/runtime/executor';
import type { MetadataStore } from '@gantry/runtime/metadata';
import { z } from 'zod';
import { diskUsage } from './disk-usage.ts';
import { ensureInitLayer } from './init-layer.ts';
import type { LayerBytes, LayerDraft, LayerSource, Snapshotter, UnpackedLayer } from './snapshotter.ts';

const LayerRecord = z.object({ parent: z.string().nullable(), diffId: z.string(), sizeBytes: z.number() });
type LayerRecord = z.infer<typeof LayerRecord>;
const ActiveRecord = z.object({ parent: z.string().nullable() });

/** Against bombs: what one layer may unpack to. */
const maxLayerBytes = 256 * 1024 ** 3;
const maxLayerEntries = 10_000_000;

export interface OverlaySnapshotterOptions {
  readonly directory: string;
  readonly metadata: MetadataStore;
  readonly content: ContentStore;
  readonly executor: Pick<Executor, 'call' | 'receiveLayer'>;
  readonly logger: Logger;
}

/**
 * Layers as directories (`layers/HEX`), active snapshots as the upper and work directories of an overlay (`active/KEY`). A layer exists when its record
 * does, and the record is written after the directory, under its final name, is on disk; what has none is left over from an interruption and goes at opening.
 * Removed trees are moved to `trash` first, and deleted in the background by the executor.
 */
export function openOverlaySnapshotter(options: OverlaySnapshotterOptions): Snapshotter {
  const { directory, executor, content, logger } = options;
  const layersDir = join(directory, 'layers');
  const activeDir = join(directory, 'active');
  const trashDir = join(directory, 'trash');
  const emptyDir = join(directory, 'empty');
  const initDir = join(directory, 'init');
  for (const path of [layersDir, activeDir, trashDir, emptyDir, initDir]) mkdirSync(path, { recursive: true, mode: 0o711 });
  const layers = options.metadata.collection('layers', LayerRecord);
  const activeRecords = options.metadata.collection('snapshots', ActiveRecord);
  const active = new Map(activeRecords.entries());
  const unpacking = new Coalescer<UnpackedLayer>();
  const deleting = new Semaphore(1);
  const known = new Map(layers.entries());
  /** Of `known`: what has no record yet. */
  const unrecorded = new Map<string, LayerRecord>();
  const flushing = new Semaphore(1);
  const initLayer = (chainId: string | null) => join(initDir, chainId === null ? 'scratch' : parseDigest(chainId).hex);
  const layerDir = (chainId: string) => join(layersDir, parseDigest(chainId).hex);

  /** Deleting a tree takes long, and would fill the threads that Node reads files with. */
  function deleteLater(path: string): void {
    deleting
      .run(() => executor.call('tree.remove', { path }))
      .catch((error: unknown) => logger.warn({ err: error, path }, 'could not delete a removed tree yet'));
  }

  async function discard(path: string): Promise<void> {
    const target = join(trashDir, randomBytes(8).toString('hex'));
    try {
      await rename(path, target);
    } catch (cause) {
      if (!existsSync(path)) return;
      throw whileTrying(`remove ${path}`, cause);
    }
    deleteLater(target);
  }

  function sweepLeftovers(): void {
    const expected = new Set([...known.keys()].map((chainId) => parseDigest(chainId).hex));
    const leftovers = readdirSync(layersDir).filter((name) => !expected.has(name));
    for (const [chainId] of known) if (!existsSync(layerDir(chainId))) known.delete(chainId);
    const orphans = readdirSync(activeDir).filter((key) => active.get(key) === undefined);
    for (const path of [...leftovers.map((name) => join(layersDir, name)), ...orphans.map((key) => join(activeDir, key))]) {
      logger.info({ path }, 'removing what an interruption left');
      discard(path).catch((error: unknown) => logger.error({ err: error, path }, 'could not remove a leftover'));
    }
  }

  /** Topmost first, as overlay wants them. */
  function ancestry(chainId: string | null): string[] {
    const directories: string[] = [];
    for (let current = chainId; current !== null; ) {
      const record = known.get(current);
      if (record === undefined) throw notFound(`layer ${current} is not unpacked here`);
      directories.push(layerDir(current));
      current = record.parent;
    }
    return directories;
  }

  function lowerDirs(parent: string | null): string[] {
    const directories = ancestry(parent);
    return directories.length === 0 ? [emptyDir] : directories;
  }

  async function receive(layer: LayerBytes, signal?: AbortSignal): Promise<LayerDraft> {
    const draft = join(layersDir, `draft-${randomBytes(8).toString('hex')}`);
    const { digest, diffId, keep } = layer;
    const limits = { maxBytes: maxLayerBytes, maxEntries: maxLayerEntries };
    const request = { compression: 'auto', target: draft, keep, digest, diffId, ...limits } as const;
    const received = await executor.receiveLayer(layer.source, request, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
      throw whileTrying(`unpack layer ${digest ?? ''}`, cause);
    });
    return {
      digest: received.digest,
      diffId: received.diffId,
      keptBytes: received.keptBytes,
      keptCompression: received.keptCompression,
      discard: received.abandon,
      commit: async ({ chainId, parent }) => {
        try {
          const lower = ancestry(parent);
          const { sizeBytes } = await received.finish({ lowerDirs: lower });
          return await publish(draft, chainId, { parent, diffId: received.diffId, sizeBytes });
        } catch (cause) {
          received.abandon();
          // The executor may have finished what was called off before its answer was heard.
          await discard(draft);
          throw whileTrying(`unpack layer ${received.digest}`, cause);
        }
      },
    };
  }

  async function publish(draft: string, chainId: string, record: LayerRecord): Promise<UnpackedLayer> {
    try {
      if (!known.has(chainId)) {
        await discard(layerDir(chainId));
        await rename(draft, layerDir(chainId));
        known.set(chainId, record);
        unrecorded.set(chainId, record);
      }
      return { chainId, diffId: record.diffId, sizeBytes: record.sizeBytes };
    } finally {
      await discard(draft);
    }
  }

  /** One at a time: who comes second waits for what the first has under way, and does what came after it. */
  async function flush(): Promise<void> {
    await flushing.run(async () => {
      const batch = [...unrecorded];
      if (batch.length === 0) return;
      await executor.call('tree.sync', { path: layersDir });
      options.metadata.transaction(() => {
        for (const [chainId, record] of batch) if (known.get(chainId) === record) layers.put(chainId, record);
      });
      for (const [chainId] of batch) unrecorded.delete(chainId);
    });
  }

  function rootfsOf(key: string, parent: string | null): OverlayRootfs {
    return { lowerDirs: [initLayer(parent), ...ancestry(parent)], upperDir: join(activeDir, key, 'upper'), workDir: join(activeDir, key, 'work') };
  }

  function rootfs(key: string): OverlayRootfs {
    const record = active.get(key);
    if (record === undefined) throw notFound(`there is no snapshot ${key}`);
    return rootfsOf(key, record.parent);
  }

  async function view(chainId: string | null): Promise<OverlayRootfs> {
    const name = join(directory, 'view');
    await mkdir(join(name, 'upper'), { recursive: true, mode: 0o755 });
    await mkdir(join(name, 'work'), { recursive: true, mode: 0o700 });
    return { lowerDirs: lowerDirs(chainId), upperDir: join(name, 'upper'), workDir: join(name, 'work') };
  }

  sweepLeftovers();
  for (const name of readdirSync(trashDir)) deleteLater(join(trashDir, name));

  return {
    chain: chainIds,
    has: (chainId) => known.has(chainId),
    layerSize: (chainId) => known.get(chainId)?.sizeBytes ?? 0,
    unpack: (layer: LayerSource, { signal } = {}) =>
      unpacking.run(layer.chainId, async () => {
        const record = known.get(layer.chainId);
        if (record !== undefined) return { chainId: layer.chainId, diffId: record.diffId, sizeBytes: record.sizeBytes };
        const { chainId, parent, diffId, blobDigest } = layer;
        const draft = await receive({ source: content.path(blobDigest), digest: blobDigest, diffId, keep: null }, signal);
        const unpacked = await draft.commit({ chainId, parent });
        await flush();
        return unpacked;
      }),
    flush,
    receive: (layer, { signal } = {}) => receive(layer, signal),
    async prepare(key, parent) {
      const made = rootfsOf(key, parent);
      if (active.get(key) !== undefined) throw bug(`snapshot ${key} exists already`);
      await ensureInitLayer(executor, () => view(parent), initLayer(parent));
      // Nothing names it yet; whatever does is recorded later.
      activeRecords.put(key, { parent }, 'soon');
      active.set(key, { parent });
      // 0755 as a root directory has it: the upper directory's mode is what processes inside see on /.
      await mkdir(made.upperDir, { recursive: true, mode: 0o755 });
      await mkdir(made.workDir, { mode: 0o700 });
      return made;
    },
    rootfs,
    view,
    async diff(key) {
      const { upperDir, lowerDirs: below } = rootfs(key);
      const output = join(directory, `diff-${randomBytes(8).toString('hex')}`);
      try {
        const result = await executor.call('layer.diff', { upperDir, lowerDirs: below, output, compression: 'gzip' });
        await content.adopt(output, { digest: result.digest, sizeBytes: result.sizeBytes });
        const parent = active.get(key)?.parent ?? null;
        const chainId = chainIds([...(parent === null ? [] : [parent]), result.diffId]).at(-1) ?? result.diffId;
        return {
          chainId,
          diffId: result.diffId,
          sizeBytes: result.uncompressedBytes,
          blobDigest: result.digest,
          blobBytes: result.sizeBytes,
          mediaType: mediaTypes.ociLayerGzip,
        };
      } finally {
        await rm(output, { force: true });
      }
    },
    async changes(key) {
      const { upperDir, lowerDirs: below } = rootfs(key);
      return (await executor.call('layer.changes', { upperDir, lowerDirs: below })).changes;
    },
    usage: async (key) => diskUsage(rootfs(key).upperDir),
    async remove(key) {
      await discard(join(activeDir, key));
      activeRecords.delete(key, 'soon');
      active.delete(key);
    },
    keys: () => [...active.keys()],
    async collectGarbage(isReferenced) {
      const kept = new Set<string>();
      const keep = (chainId: string | null) => {
        for (let current = chainId; current !== null && !kept.has(current); current = known.get(current)?.parent ?? null) kept.add(current);
      };
      for (const [, record] of active) keep(record.parent);
      for (const chainId of known.keys()) if (isReferenced(chainId)) keep(chainId);
      const removed: string[] = [];
      let reclaimedBytes = 0;
      for (const [chainId, record] of [...known]) {
        if (kept.has(chainId)) continue;
        known.delete(chainId);
        unrecorded.delete(chainId);
        layers.delete(chainId);
        await discard(layerDir(chainId));
        await discard(initLayer(chainId));
        removed.push(chainId);
        reclaimedBytes += record.sizeBytes;
      }
      return { removed, reclaimedBytes };
    },
  };
}
