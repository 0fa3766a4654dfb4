import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ComposedLayer } from './images.ts';
import { layerMediaType } from './layer-media-type.ts';
import type { ImageParts } from './register-image.ts';

/** A root file system's tar, as it comes, becomes a layer blob and the layer's snapshot. */
export async function importRootfs({ content, snapshots }: ImageParts, tar: Readable, signal?: AbortSignal): Promise<ComposedLayer> {
  const ingest = await content.openIngest(`import ${randomBytes(8).toString('hex')}`);
  let digest: string;
  const sizeBytes = () => content.stat(digest)?.sizeBytes ?? 0;
  try {
    for await (const chunk of tar) {
      signal?.throwIfAborted();
      await ingest.write(chunk);
    }
    digest = ingest.digest();
    await ingest.commit({ digest });
  } catch (error) {
    await ingest.abort().catch(() => undefined);
    throw error;
  }
  const unpacked = await snapshots.unpackBase(digest, signal === undefined ? {} : { signal });
  return { digest, mediaType: await layerMediaType(content, digest), sizeBytes: sizeBytes(), diffId: unpacked.diffId };
}
