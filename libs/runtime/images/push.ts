import { shortDigest } from '@gantry/oci/digest';
import { parseManifest } from '@gantry/oci/manifest';
import { familiarReference, formatReference, parseReference, repositoryOf, withDefaultTag } from '@gantry/oci/reference';
import type { RegistryClient } from '@gantry/oci/registry';
import { forEachLimited } from '@gantry/platform/concurrency';
import { invalid, whileTrying } from '@gantry/platform/errors';
import type { Image, LayerProgress, TransferOptions } from './images.ts';
import { connectRegistry, type PullSettings } from './pull.ts';
import type { ImageParts } from './register-image.ts';

const parallelUploads = 3;

interface Blob {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Layers and config first, the manifest last: a tag never points to what is not all there. */
export function createPusher({ content, records, settings }: ImageParts & { readonly settings: PullSettings }) {
  /** Another repository of the same registry that has the image's layers, so that they can be mounted instead of sent. */
  function mountSource(image: Image, domain: string, path: string): string | undefined {
    const others = image.repoDigests
      .map((name) => name.slice(0, name.indexOf('@')))
      .filter((name) => name.startsWith(`${domain}/`) && name !== `${domain}/${path}`);
    return others[0]?.slice(domain.length + 1);
  }

  async function pushBlob(
    client: RegistryClient,
    blob: Blob,
    mountFrom: string | undefined,
    say: (progress: LayerProgress) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const id = shortDigest(blob.digest);
    say({ id, status: 'Preparing' });
    if (await client.hasBlob(blob.digest, signal)) return say({ id, status: 'Layer already exists' });
    const open = () => {
      const source = content.stream(blob.digest);
      let sent = 0;
      let lastReport = 0;
      source.on('data', (chunk: Buffer) => {
        sent += chunk.length;
        if (Date.now() - lastReport < 100) return;
        lastReport = Date.now();
        say({ id, status: 'Pushing', current: sent, total: blob.sizeBytes });
      });
      return source.pause();
    };
    const outcome = await client.pushBlob({ ...blob, open, ...(mountFrom === undefined ? {} : { mountFrom }) }, signal);
    say({ id, status: outcome === 'mounted' ? 'Mounted from' : 'Pushed' });
  }

  return async (text: string, options: TransferOptions): Promise<{ digest: string; sizeBytes: number; tag: string }> => {
    const reference = withDefaultTag(parseReference(text));
    if (reference.tag === null) throw invalid(`cannot push a digest reference: ${text}`);
    const image = records.get(formatReference(reference));
    const say = options.onProgress ?? (() => undefined);
    try {
      const bytes = await content.read(image.manifestDigest);
      const parsed = parseManifest(bytes, image.manifestMediaType);
      if (parsed.kind !== 'manifest') throw invalid(`${text} is an index`);
      const client = connectRegistry(reference, settings, options.credentials ?? null, 'pull,push');
      const mountFrom = mountSource(image, reference.domain, reference.path);
      const layers = [...new Map(parsed.manifest.layers.map((layer) => [layer.digest, layer])).values()];
      await forEachLimited(layers, parallelUploads, (layer) =>
        pushBlob(client, { digest: layer.digest, sizeBytes: layer.size }, mountFrom, say, options.signal),
      );
      const config = { digest: parsed.manifest.config.digest, sizeBytes: parsed.manifest.config.size };
      await pushBlob(client, config, mountFrom, () => undefined, options.signal);
      const digest = await client.putManifest(reference.tag, bytes, image.manifestMediaType, options.signal);
      records.name(`${repositoryOf(reference)}@${digest}`, image.id);
      return { digest, sizeBytes: bytes.length, tag: reference.tag };
    } catch (cause) {
      throw whileTrying(`push ${familiarReference(formatReference(reference))}`, cause);
    }
  };
}
