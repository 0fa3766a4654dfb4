import { mediaTypes } from '@gantry/oci/manifest';
import { detectCompression } from '@gantry/oci/tar';
import type { ContentStore } from '@gantry/runtime/content';

const names = { none: mediaTypes.ociLayer, gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd } as const;

/** What a manifest calls a layer blob, told from its first bytes. */
export async function layerMediaType(content: ContentStore, digest: string): Promise<string> {
  const start = Buffer.concat(await content.stream(digest, { start: 0, end: 7 }).toArray());
  return names[detectCompression(start)];
}
