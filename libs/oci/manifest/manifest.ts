import { isDigest } from '@gantry/oci/digest';
import { GantryError } from '@gantry/platform/errors';
import { z } from 'zod';

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** What we ask a registry for, best first. */
export const acceptedManifests = [mediaTypes.ociIndex, mediaTypes.dockerManifestList, mediaTypes.ociManifest, mediaTypes.dockerManifest] as const;

/** Manifests larger than this are refused unread (OCI distribution spec: registries need not take more). */
export const maxManifestBytes = 4 * 1024 * 1024;

export const Platform = z.object({ architecture: z.string(), os: z.string(), variant: z.string().optional(), 'os.version': z.string().optional() });
export type Platform = z.infer<typeof Platform>;

export const Descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().refine(isDigest, 'expected a sha256 or sha512 digest'),
  size: z.number().int().nonnegative(),
  annotations: z.record(z.string(), z.string()).optional(),
  platform: Platform.optional(),
  urls: z.array(z.string()).optional(),
});
export type Descriptor = z.infer<typeof Descriptor>;

export const ImageManifest = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  config: Descriptor,
  layers: z.array(Descriptor),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type ImageManifest = z.infer<typeof ImageManifest>;

export const ImageIndex = z.object({ schemaVersion: z.literal(2), mediaType: z.string().optional(), manifests: z.array(Descriptor) });
export type ImageIndex = z.infer<typeof ImageIndex>;

export type ParsedManifest = { readonly kind: 'manifest'; readonly manifest: ImageManifest } | { readonly kind: 'index'; readonly index: ImageIndex };

function corrupt(message: string, cause?: unknown): GantryError {
  return new GantryError('operational', 'corrupt', message, cause === undefined ? {} : { cause });
}

/**
 * `mediaType` is what the descriptor or the Content-Type header promised. A document that could be read as both a manifest and an index is
 * refused (CVE-2021-41190).
 */
export function parseManifest(bytes: Buffer, mediaType: string | null): ParsedManifest {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw corrupt('a manifest is not JSON', cause);
  }
  if (typeof value !== 'object' || value === null) throw corrupt('a manifest is not a JSON object');
  const isIndexShaped = 'manifests' in value;
  const isManifestShaped = 'config' in value || 'layers' in value || 'fsLayers' in value;
  if (isIndexShaped && isManifestShaped) throw corrupt('a document is both a manifest and an index');
  const declared = 'mediaType' in value && typeof value.mediaType === 'string' ? value.mediaType : mediaType;
  const isIndex = declared === mediaTypes.ociIndex || declared === mediaTypes.dockerManifestList || (declared === null && isIndexShaped);
  if ('schemaVersion' in value && value.schemaVersion === 1) {
    throw new GantryError('operational', 'unsupported', 'the registry has only a schema 1 manifest, which is no longer supported');
  }
  if (isIndex !== isIndexShaped) throw corrupt(`a document of type ${declared} does not look like one`);
  const parsed = isIndex ? ImageIndex.safeParse(value) : ImageManifest.safeParse(value);
  if (!parsed.success) throw corrupt(`a document of type ${declared} is malformed`, parsed.error);
  return isIndex ? { kind: 'index', index: ImageIndex.parse(value) } : { kind: 'manifest', manifest: ImageManifest.parse(value) };
}
