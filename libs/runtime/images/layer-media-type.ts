import { mediaTypes } from '@gantry/oci/manifest';
import { detectCompression } from '@gantry/oci/tar';
import { operational } from '@gantry/platform/errors';
import type { ContentStore } from '@gantry/runtime/content';

export const layerMediaTypes = { none: mediaTypes.ociLayer, gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd } as const;

/** What a manifest calls a layer blob, told from its first bytes. */
export async function layerMediaType(content: ContentStore, digest: string): Promise<string> {
  const start = Buffer.concat(await content.stream(digest, { start: 0, end: 7 }).toArray());
  const compression = detectCompression(start);
  if (compression === 'bzip2' || compression === 'xz')
    throw operational('unsupported', `no manifest can name layer ${digest}, which is compressed with ${compression}`);
  return layerMediaTypes[compression];
}
