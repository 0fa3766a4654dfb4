import { Readable } from 'node:stream';
import { digestOf } from '@gantry/oci/digest';
import { type Descriptor, mediaTypes } from '@gantry/oci/manifest';
import { familiarReference } from '@gantry/oci/reference';
import { tarEnd, tarFile, tarHeader, tarPadding } from '@gantry/oci/tar';
import type { ContentStore } from '@gantry/runtime/content';
import type { Image } from './images.ts';

export interface SavedImage {
  readonly image: Image;
  /** Normalised names to give it in the archive; none when it was asked for by id. */
  readonly references: readonly string[];
}

const blobPath = (digest: string) => `blobs/${digest.replace(':', '/')}`;

/** One archive that is an OCI layout and, by its manifest.json, a docker-archive as well. Blobs shared by several images are written once. */
export function writeImageArchive(content: ContentStore, saved: readonly SavedImage[]): Readable {
  async function* archive(): AsyncGenerator<Buffer> {
    const written = new Set<string>();
    for (const algorithm of ['blobs/', 'blobs/sha256/']) yield tarHeader({ name: algorithm, type: 'directory', mode: 0o755 });
    for (const { image } of saved) {
      for (const digest of [image.manifestDigest, image.id, ...image.layers.map((layer) => layer.digest)]) {
        if (written.has(digest)) continue;
        written.add(digest);
        yield* blob(content, digest);
      }
    }
    yield tarFile('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    yield tarFile(
      'index.json',
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: saved.flatMap((item) => descriptors(content, item)) }),
    );
    const table = saved.map(({ image, references }) => ({
      Config: blobPath(image.id),
      RepoTags: references.map(familiarReference),
      Layers: image.layers.map((layer) => blobPath(layer.digest)),
    }));
    yield tarFile('manifest.json', JSON.stringify(table));
    yield tarEnd;
  }
  return Readable.from(archive(), { objectMode: false, highWaterMark: 1 << 20 });
}

function descriptors(content: ContentStore, { image, references }: SavedImage): Descriptor[] {
  const descriptor = { mediaType: image.manifestMediaType, digest: image.manifestDigest, size: content.stat(image.manifestDigest)?.sizeBytes ?? 0 };
  if (references.length === 0) return [descriptor];
  return references.map((reference) => ({
    ...descriptor,
    annotations: { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1) },
  }));
}

async function* blob(content: ContentStore, digest: string): AsyncGenerator<Buffer> {
  const sizeBytes = content.stat(digest)?.sizeBytes;
  if (sizeBytes === undefined) throw new Error(`content ${digest} is not here`);
  yield tarHeader({ name: blobPath(digest), sizeBytes });
  yield* content.stream(digest);
  yield tarPadding(sizeBytes);
}

/** The manifest of an image put together here: its bytes and its digest. */
export function toManifest(
  config: { digest: string; sizeBytes: number },
  layers: readonly { digest: string; mediaType: string; sizeBytes: number }[],
): { bytes: Buffer; digest: string } {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.sizeBytes },
      layers: layers.map((layer) => ({ mediaType: layer.mediaType, digest: layer.digest, size: layer.sizeBytes })),
    }),
  );
  return { bytes, digest: digestOf(bytes) };
}
