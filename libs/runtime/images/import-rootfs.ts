import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Lease } from '@gantry/runtime/content';
import type { ComposedLayer } from './images.ts';
import { layerMediaTypes } from './layer-media-type.ts';
import type { ImageParts } from './register-image.ts';

/** A root file system's tar, as it comes and whatever it is compressed with, becomes a layer blob and the layer's snapshot. */
export async function importRootfs({ content, snapshots }: ImageParts, lease: Lease, tar: Readable, signal?: AbortSignal): Promise<ComposedLayer> {
  const file = await content.openDraft(`import ${randomBytes(8).toString('hex')}`);
  try {
    const layer = await snapshots.receive({ source: tar, digest: null, diffId: null, keep: file.path }, signal === undefined ? {} : { signal });
    const { digest, diffId, keptBytes: sizeBytes, keptCompression } = layer;
    lease.add(digest);
    try {
      await file.commit({ digest, sizeBytes });
      await layer.commit({ chainId: diffId, parent: null });
    } catch (error) {
      layer.discard();
      throw error;
    }
    return { digest, mediaType: layerMediaTypes[keptCompression || 'none'], sizeBytes, diffId };
  } catch (error) {
    await file.discard();
    throw error;
  }
}
