import { shortDigest } from '@gantry/oci/digest';
import { choosePlatform, type Descriptor, formatPlatform, hostPlatform, type ImageManifest, parseManifest, parsePlatform } from '@gantry/oci/manifest';
import { familiarReference, formatReference, parseReference, type Reference, repositoryOf, withDefaultTag } from '@gantry/oci/reference';
import { isLoopback, openRegistry, type RegistryClient } from '@gantry/oci/registry';
import { forEachLimited, KeyedQueue, orCancelled } from '@gantry/platform/concurrency';
import { describeError, hasCode, notFound, operational, whileTrying } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { Lease } from '@gantry/runtime/content';
import type { LayerDraft } from '@gantry/runtime/snapshots';
import { downloadBlob, streamLayer } from './download-blob.ts';
import type { Image, LayerProgress, PulledImage, PullOptions, RegistryCredentials } from './images.ts';
import { type ImageParts, placeLayers, readConfig, registerImage } from './register-image.ts';
import type { PlacedLayer } from './unpack-layers.ts';

export interface PullSettings {
  readonly insecureRegistries: readonly string[];
  /** Tried before docker.io, without its credentials. */
  readonly mirrors: readonly string[];
  /** How long a registry may keep silent. */
  readonly idleMs?: number;
}

const parallelDownloads = 3;

export function connectRegistry(
  reference: Pick<Reference, 'domain' | 'path'>,
  settings: PullSettings,
  credentials: RegistryCredentials | null,
  actions: 'pull' | 'pull,push',
): RegistryClient {
  const isInsecure = isLoopback(reference.domain) || settings.insecureRegistries.includes(reference.domain);
  const { idleMs } = settings;
  return openRegistry({ domain: reference.domain, path: reference.path, credentials, isInsecure, actions, ...(idleMs === undefined ? {} : { idleMs }) });
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
  const { content, snapshots, records, settings, logger } = parts;
  /** By blob: two pulls of one blob do not fetch it twice. */
  const downloads = new KeyedQueue();

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

  /** A layer's bytes, from here or from the registry; one download of a blob at a time, whoever wants it. */
  async function receiveLayer(client: RegistryClient, layer: PlacedLayer, say: (status: LayerProgress) => void, signal: AbortSignal): Promise<LayerDraft> {
    const { descriptor, diffId } = layer;
    const id = shortDigest(descriptor.digest);
    return downloads.run(descriptor.digest, async () => {
      if (signal.aborted) throw operational('cancelled', `download of ${descriptor.digest} was cancelled`);
      if (content.stat(descriptor.digest) !== undefined) {
        try {
          return await snapshots.receive({ source: content.path(descriptor.digest), digest: descriptor.digest, diffId, keep: null }, { signal });
        } catch (error) {
          // Damaged on disk: it is set aside, and comes from the registry again.
          if (signal.aborted || (await content.verify(descriptor.digest))) throw error;
        }
      }
      let lastReport = 0;
      const report = (current: number) => {
        // Ten reports a second are enough for a progress bar.
        if (Date.now() - lastReport < 100) return;
        lastReport = Date.now();
        say({ id, status: 'Downloading', current, total: descriptor.size });
      };
      const draft = await streamLayer({ content, snapshots, logger, client }, layer, report, signal);
      say({ id, status: 'Verifying Checksum' });
      say({ id, status: 'Download complete' });
      say({ id, status: 'Extracting', current: 0, total: descriptor.size });
      return draft;
    });
  }

  /** What is not unpacked, because its layer is here already, but belongs to the image all the same. */
  async function fetchBlob(client: RegistryClient, blob: Descriptor, signal: AbortSignal): Promise<void> {
    await downloads.run(blob.digest, async () => {
      if (content.stat(blob.digest) === undefined) await downloadBlob({ content, logger, client }, blob, signal);
    });
  }

  async function fetchImage({ client, manifest, manifestDigest, manifestMediaType }: ResolvedManifest, options: PullOptions): Promise<Image> {
    const say = options.onProgress ?? (() => undefined);
    const signal = options.signal ?? new AbortController().signal;
    const idOf = ({ descriptor }: PlacedLayer) => shortDigest(descriptor.digest);
    await orCancelled(fetchBlob(client, manifest.config, signal), signal, `download of ${manifest.config.digest}`);
    const layers = placeLayers(manifest, (await readConfig(content, manifest.config)).rootfs.diff_ids);
    for (const layer of layers) say({ id: idOf(layer), status: 'Pulling fs layer' });
    const here = layers.filter(({ chainId }) => snapshots.has(chainId));
    await forEachLimited(here, parallelDownloads, async (layer) => {
      await orCancelled(fetchBlob(client, layer.descriptor, signal), signal, `download of ${layer.descriptor.digest}`);
      say({ id: idOf(layer), status: 'Already exists' });
    });
    return registerImage(parts, {
      manifest,
      manifestDigest,
      manifestMediaType,
      receive: (layer, layerSignal) => receiveLayer(client, layer, say, layerSignal),
      onProgress: say,
      signal,
    });
  }

  return async (text: string, options: PullOptions): Promise<PulledImage & { reference: string }> => {
    const reference = withDefaultTag(parseReference(text));
    const name = formatReference(reference);
    const lease = content.lease(`pull ${name}`);
    try {
      const before = records.find(name)?.id;
      const resolved = await resolve(lease, reference, options);
      lease.add(...[resolved.manifest.config, ...resolved.manifest.layers].map(({ digest }) => digest));
      const image = await fetchImage(resolved, options);
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
