import { shortDigest } from '@gantry/oci/digest';
import { choosePlatform, type Descriptor, formatPlatform, hostPlatform, type ImageManifest, parseManifest, parsePlatform } from '@gantry/oci/manifest';
import { familiarReference, formatReference, parseReference, type Reference, repositoryOf, withDefaultTag } from '@gantry/oci/reference';
import { isLoopback, openRegistry, type RegistryClient } from '@gantry/oci/registry';
import { Coalescer, forEachLimited, orCancelled } from '@gantry/platform/concurrency';
import { describeError, hasCode, notFound, operational, whileTrying } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { Lease } from '@gantry/runtime/content';
import { downloadBlob } from './download-blob.ts';
import type { LayerProgress, PulledImage, PullOptions, RegistryCredentials } from './images.ts';
import { type ImageParts, registerImage } from './register-image.ts';

export interface PullSettings {
  readonly insecureRegistries: readonly string[];
  /** Tried before docker.io, without its credentials. */
  readonly mirrors: readonly string[];
}

const parallelDownloads = 3;

export function connectRegistry(
  reference: Pick<Reference, 'domain' | 'path'>,
  settings: PullSettings,
  credentials: RegistryCredentials | null,
  actions: 'pull' | 'pull,push',
): RegistryClient {
  const isInsecure = isLoopback(reference.domain) || settings.insecureRegistries.includes(reference.domain);
  return openRegistry({ domain: reference.domain, path: reference.path, credentials, isInsecure, actions });
}

interface ResolvedManifest {
  readonly client: RegistryClient;
  readonly manifest: ImageManifest;
  readonly manifestDigest: string;
  readonly manifestMediaType: string;
  /** Of what the reference itself points to: the index, where there is one. */
  readonly rootDigest: string;
}

export function createPuller(parts: ImageParts & { readonly settings: PullSettings; readonly logger: Logger }) {
  const { content, records, settings, logger } = parts;
  /** Two pulls of one blob share the download; each still sees its own progress at the end. */
  const downloads = new Coalescer<void>();

  function clients(reference: Reference, options: PullOptions): RegistryClient[] {
    const own = connectRegistry(reference, settings, options.credentials ?? null, 'pull');
    if (reference.domain !== 'docker.io') return [own];
    return [...settings.mirrors.map((domain) => connectRegistry({ domain, path: reference.path }, settings, null, 'pull')), own];
  }

  async function resolveFrom(client: RegistryClient, lease: Lease, reference: Reference, options: PullOptions): Promise<ResolvedManifest> {
    const asked = reference.digest ?? reference.tag ?? 'latest';
    const root = await fetchManifest(client, lease, asked, options.signal);
    const parsed = parseManifest(root.bytes, root.mediaType);
    if (parsed.kind === 'manifest') {
      return {
        client,
        manifest: parsed.manifest,
        manifestDigest: root.digest,
        manifestMediaType: parsed.manifest.mediaType ?? root.mediaType ?? '',
        rootDigest: root.digest,
      };
    }
    const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
    const chosen = choosePlatform(parsed.index.manifests, platform);
    if (chosen === undefined) {
      throw notFound(`no matching manifest for ${formatPlatform(platform)} in the manifest list entries of ${familiarReference(formatReference(reference))}`);
    }
    const child = await fetchManifest(client, lease, chosen.digest, options.signal);
    const image = parseManifest(child.bytes, chosen.mediaType);
    if (image.kind !== 'manifest') throw operational('unsupported', 'an index inside an index is not supported');
    return { client, manifest: image.manifest, manifestDigest: child.digest, manifestMediaType: chosen.mediaType, rootDigest: root.digest };
  }

  /** HEAD first: what is here already is not fetched again, and costs no quota. */
  async function fetchManifest(client: RegistryClient, lease: Lease, reference: string, signal?: AbortSignal) {
    const head = reference.includes(':') ? { digest: reference, mediaType: null } : await client.headManifest(reference, signal);
    if (head.digest !== null && content.stat(head.digest) !== undefined) {
      lease.add(head.digest);
      return { bytes: await content.read(head.digest), mediaType: head.mediaType, digest: head.digest };
    }
    const fetched = await client.getManifest(head.digest ?? reference, signal);
    lease.add(fetched.digest);
    await content.put(fetched.bytes, fetched.digest.startsWith('sha512:') ? 'sha512' : 'sha256');
    return fetched;
  }

  async function resolve(lease: Lease, reference: Reference, options: PullOptions): Promise<ResolvedManifest> {
    const candidates = clients(reference, options);
    for (const [index, client] of candidates.entries()) {
      try {
        return await resolveFrom(client, lease, reference, options);
      } catch (error) {
        if (index === candidates.length - 1 || options.signal?.aborted === true) throw error;
        logger.warn({ reason: describeError(error) }, 'a registry mirror failed, trying the next');
      }
    }
    throw operational('unavailable', 'there is no registry to ask');
  }

  /** Who joined somebody else's download goes on by itself when that one gives up. */
  async function shared(digest: string, signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    while (true) {
      try {
        return await orCancelled(downloads.run(digest, work), signal, `download of ${digest}`);
      } catch (error) {
        if (!hasCode(error, 'cancelled') || signal?.aborted === true) throw error;
      }
    }
  }

  async function fetchBlob(client: RegistryClient, lease: Lease, blob: Descriptor, options: PullOptions, say: (status: LayerProgress) => void): Promise<void> {
    const id = shortDigest(blob.digest);
    lease.add(blob.digest);
    if (content.stat(blob.digest) !== undefined) return say({ id, status: 'Already exists' });
    let lastReport = 0;
    await shared(blob.digest, options.signal, () =>
      downloadBlob(
        { content, logger, client },
        blob,
        (current) => {
          // Ten reports a second are enough for a progress bar.
          if (Date.now() - lastReport < 100) return;
          lastReport = Date.now();
          say({ id, status: 'Downloading', current, total: blob.size });
        },
        options.signal,
      ),
    );
    say({ id, status: 'Verifying Checksum' });
    say({ id, status: 'Download complete' });
  }

  return async (text: string, options: PullOptions): Promise<PulledImage & { reference: string }> => {
    const reference = withDefaultTag(parseReference(text));
    const name = formatReference(reference);
    const lease = content.lease(`pull ${name}`);
    const say = options.onProgress ?? (() => undefined);
    try {
      const before = records.find(name)?.id;
      const resolved = await resolve(lease, reference, options);
      for (const layer of resolved.manifest.layers) say({ id: shortDigest(layer.digest), status: 'Pulling fs layer' });
      const blobs = [resolved.manifest.config, ...new Map(resolved.manifest.layers.map((layer) => [layer.digest, layer])).values()];
      await forEachLimited(blobs, parallelDownloads, (blob) =>
        fetchBlob(resolved.client, lease, blob, options, blob === resolved.manifest.config ? () => undefined : say),
      );
      const image = await registerImage(parts, {
        manifest: resolved.manifest,
        manifestDigest: resolved.manifestDigest,
        manifestMediaType: resolved.manifestMediaType,
        onProgress: say,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      if (reference.tag !== null) records.name(formatReference({ ...reference, digest: null }), image.id);
      records.name(`${repositoryOf(reference)}@${resolved.rootDigest}`, image.id);
      return { image: records.get(image.id), digest: resolved.rootDigest, isNew: before !== image.id, reference: name };
    } catch (cause) {
      throw whileTrying(hasCode(cause, 'not-found') ? `pull ${familiarReference(name)}: not found` : `pull ${familiarReference(name)}`, cause);
    } finally {
      lease.release();
    }
  };
}
