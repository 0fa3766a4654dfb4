import { chainIds, shortDigest } from '@gantry/oci/digest';
import type { Descriptor, ImageManifest } from '@gantry/oci/manifest';
import { operational, whileTrying } from '@gantry/platform/errors';
import type { ContentStore } from '@gantry/runtime/content';
import type { Snapshotter } from '@gantry/runtime/snapshots';
import { ImageConfig } from './config.ts';
import type { ImageRecords } from './image-records.ts';
import type { Image, LayerProgress } from './images.ts';
import type { LayerUnpacker, PlacedLayer, UnpackLayersRequest } from './unpack-layers.ts';

export interface ImageParts {
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
  readonly records: ImageRecords;
  readonly unpackLayers: LayerUnpacker;
}

export interface RegisterRequest {
  readonly manifest: ImageManifest;
  readonly manifestDigest: string;
  readonly manifestMediaType: string;
  /** Layers whose bytes are not in the content store yet. */
  readonly receive?: UnpackLayersRequest['receive'];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LayerProgress) => void;
}

export async function readConfig(content: ContentStore, descriptor: Pick<Descriptor, 'digest'>): Promise<ImageConfig> {
  const bytes = await content.read(descriptor.digest);
  try {
    return ImageConfig.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw operational('corrupt', `the image config ${descriptor.digest} is malformed`, { cause });
  }
}

/** The layers of a manifest with what its config says of them; throws `corrupt` when the two do not agree. */
export function placeLayers(manifest: ImageManifest, diffIds: readonly string[]): PlacedLayer[] {
  if (diffIds.length !== manifest.layers.length) {
    throw operational('corrupt', `image ${manifest.config.digest} names ${diffIds.length} layers in its config and ${manifest.layers.length} in its manifest`);
  }
  const chain = chainIds(diffIds);
  return manifest.layers.map((descriptor, index) => ({
    descriptor,
    diffId: diffIds[index] ?? '',
    chainId: chain[index] ?? '',
    parent: chain[index - 1] ?? null,
  }));
}

/**
 * The last step of pull, load, import, commit and build: unpacks the layers that are not yet, from the content store or as they come, and makes the record
 * when all that it names is on disk.
 */
export async function registerImage(parts: ImageParts, request: RegisterRequest): Promise<Image> {
  const { content, records, unpackLayers } = parts;
  const { manifest } = request;
  const config = await readConfig(content, manifest.config);
  const diffIds = config.rootfs.diff_ids;
  const placed = placeLayers(manifest, diffIds);
  const unpacked = await unpackLayers({
    layers: placed,
    onCommitted: ({ descriptor }) => request.onProgress?.({ id: shortDigest(descriptor.digest), status: 'Pull complete' }),
    ...(request.receive === undefined ? {} : { receive: request.receive }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  await content.flush();
  const layers = placed.map(({ descriptor: { digest, mediaType, size }, diffId, chainId }) => ({ digest, mediaType, sizeBytes: size, diffId, chainId }));
  const sizeBytes = unpacked.reduce((sum, layer) => sum + layer.sizeBytes, 0);
  try {
    records.put(
      { id: manifest.config.digest, manifestDigest: request.manifestDigest, manifestMediaType: request.manifestMediaType, layers, sizeBytes },
      config,
    );
  } catch (cause) {
    throw whileTrying(`record image ${manifest.config.digest}`, cause);
  }
  return records.get(manifest.config.digest);
}
