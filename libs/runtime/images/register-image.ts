import { chainIds, shortDigest } from '@gantry/oci/digest';
import type { Descriptor, ImageManifest } from '@gantry/oci/manifest';
import { operational, whileTrying } from '@gantry/platform/errors';
import type { ContentStore } from '@gantry/runtime/content';
import type { Snapshotter } from '@gantry/runtime/snapshots';
import { ImageConfig } from './config.ts';
import type { ImageRecord, ImageRecords } from './image-records.ts';
import type { Image, LayerProgress } from './images.ts';

export interface ImageParts {
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
  readonly records: ImageRecords;
}

export interface RegisterRequest {
  readonly manifest: ImageManifest;
  readonly manifestDigest: string;
  readonly manifestMediaType: string;
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

/** The last step of pull, load, import, commit and build: all blobs are in the content store; unpacks what is not yet, and makes the record. */
export async function registerImage(parts: ImageParts, request: RegisterRequest): Promise<Image> {
  const { content, snapshots, records } = parts;
  const { manifest } = request;
  const config = await readConfig(content, manifest.config);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw operational('corrupt', `image ${manifest.config.digest} names ${diffIds.length} layers in its config and ${manifest.layers.length} in its manifest`);
  }
  const chain = chainIds(diffIds);
  const layers: ImageRecord['layers'] = [];
  let sizeBytes = 0;
  for (const [index, layer] of manifest.layers.entries()) {
    const chainId = chain[index] ?? '';
    const diffId = diffIds[index] ?? '';
    const id = shortDigest(layer.digest);
    request.onProgress?.({ id, status: 'Extracting', current: 0, total: layer.size });
    const unpacked = await snapshots.unpack(
      { chainId, parent: chain[index - 1] ?? null, diffId, blobDigest: layer.digest },
      request.signal === undefined ? {} : { signal: request.signal },
    );
    request.onProgress?.({ id, status: 'Pull complete' });
    sizeBytes += unpacked.sizeBytes;
    layers.push({ digest: layer.digest, mediaType: layer.mediaType, sizeBytes: layer.size, diffId, chainId });
  }
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
