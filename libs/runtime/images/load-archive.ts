import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { digestOf, isDigest } from '@gantry/oci/digest';
import { choosePlatform, type Descriptor, hostPlatform, ImageIndex, type ImageManifest, mediaTypes, parseManifest } from '@gantry/oci/manifest';
import { normaliseReference } from '@gantry/oci/reference';
import { decompress, readTar, type TarEntry } from '@gantry/oci/tar';
import { GantryError, hasCode, invalid, operational } from '@gantry/platform/errors';
import type { ContentStore, Draft, Lease } from '@gantry/runtime/content';
import type { Executor } from '@gantry/runtime/executor';
import type { LayerDraft, Snapshotter } from '@gantry/runtime/snapshots';
import { z } from 'zod';
import { layerMediaType } from './layer-media-type.ts';

/** An image found in an archive, its blobs in the content store. */
export interface ArchivedImage {
  readonly manifest: ImageManifest;
  readonly manifestDigest: string;
  readonly manifestMediaType: string;
  readonly references: readonly string[];
}

const DockerArchiveManifest = z.array(z.object({ Config: z.string(), RepoTags: z.array(z.string()).nullish(), Layers: z.array(z.string()).nullish() }));

const maxDocumentBytes = 4 * 1024 * 1024;
const maxEntries = 100_000;
const maxDrafts = 64;

interface StoredBlob {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** What the tar held: blobs by digest, other files by path, documents kept for reading. */
interface Contents {
  readonly documents: Map<string, Buffer>;
  /** Path → digest of what the content store took. */
  readonly stored: Map<string, StoredBlob>;
  readonly links: Map<string, string>;
}

async function bodyOf(entry: TarEntry): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of entry.body) parts.push(part);
  return Buffer.concat(parts);
}

/** Layers unpacked while their archive was read; which image they belong to is told at its end. */
export class LayerDrafts {
  readonly #drafts = new Map<string, LayerDraft>();

  /** Each holds a connection and a thread of the executor; what is over is unpacked from its blob. */
  get isFull(): boolean {
    return this.#drafts.size >= maxDrafts;
  }

  add(draft: LayerDraft): void {
    this.#drafts.get(draft.digest)?.discard();
    this.#drafts.set(draft.digest, draft);
  }

  take(digest: string): LayerDraft | undefined {
    const draft = this.#drafts.get(digest);
    this.#drafts.delete(digest);
    return draft;
  }

  discard(): void {
    for (const draft of this.#drafts.values()) draft.discard();
    this.#drafts.clear();
  }
}

export interface ArchiveParts {
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
  readonly executor: Pick<Executor, 'decompress'>;
  readonly lease: Lease;
  readonly drafts: LayerDrafts;
  readonly signal: AbortSignal;
}

/** Everything the archive has of an image besides its layers is small. */
async function storeSmall({ content, lease }: ArchiveParts, entry: TarEntry, promised: string | null): Promise<StoredBlob> {
  const ingest = await content.openIngest(`load ${randomBytes(8).toString('hex')}`);
  try {
    for await (const part of entry.body) await ingest.write(part);
    const digest = promised ?? ingest.digest();
    lease.add(digest);
    await ingest.commit({ digest, sizeBytes: entry.sizeBytes });
    return { digest, sizeBytes: entry.sizeBytes };
  } catch (error) {
    await ingest.abort().catch(() => undefined);
    throw error;
  }
}

/** Unpacks a layer while it is read. What proves to be no layer is kept as it is. */
async function storeLayer(parts: ArchiveParts, entry: TarEntry, promised: string | null): Promise<StoredBlob> {
  const { content, snapshots, lease, drafts, signal } = parts;
  const file = await content.openDraft(`load ${randomBytes(8).toString('hex')}`);
  let draft: LayerDraft | null = null;
  try {
    draft = await snapshots.receive({ source: entry.body, digest: promised, diffId: null, keep: file.path }, { signal });
    lease.add(draft.digest);
    await file.commit({ digest: draft.digest, sizeBytes: draft.keptBytes });
    if (drafts.isFull) draft.discard();
    else drafts.add(draft);
    return { digest: draft.digest, sizeBytes: draft.keptBytes };
  } catch (error) {
    draft?.discard();
    if (promised !== null && hasCode(error, 'invalid')) return keepUnknown(content, file, { digest: promised, sizeBytes: entry.sizeBytes });
    await file.discard();
    throw error;
  }
}

async function keepUnknown(content: ContentStore, file: Draft, blob: StoredBlob): Promise<StoredBlob> {
  await file.commit(blob);
  if (!(await content.verify(blob.digest))) throw operational('digest-mismatch', `the archive's ${blob.digest} is not what its name says`);
  return blob;
}

function blobDigest(path: string): string | null {
  const match = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(path);
  if (match === null) return null;
  const digest = `${match[1]}:${match[2]}`;
  return isDigest(digest) ? digest : null;
}

async function readContents(parts: ArchiveParts, tar: Readable, onFile: (path: string, sizeBytes: number) => void): Promise<Contents> {
  const contents: Contents = { documents: new Map(), stored: new Map(), links: new Map() };
  let entries = 0;
  for await (const entry of readTar(await decompress(tar, parts.executor.decompress))) {
    parts.signal.throwIfAborted();
    if (++entries > maxEntries) throw invalid(`the archive has more than ${maxEntries} entries`);
    const path = posix.normalize(`/${entry.name}`).slice(1);
    if (entry.type === 'symlink' || entry.type === 'hardlink') {
      const base = entry.type === 'symlink' ? posix.dirname(`/${path}`) : '/';
      contents.links.set(path, posix.normalize(posix.join(base, entry.linkName)).slice(1));
    }
    if (entry.type !== 'file') continue;
    onFile(path, entry.sizeBytes);
    const digest = blobDigest(path);
    if (digest === null && entry.sizeBytes <= maxDocumentBytes && !path.endsWith('.tar')) contents.documents.set(path, await bodyOf(entry));
    else if (digest === null || entry.sizeBytes > maxDocumentBytes) contents.stored.set(path, await storeLayer(parts, entry, digest));
    else contents.stored.set(path, await storeSmall(parts, entry, digest));
  }
  return contents;
}

function follow(contents: Contents, path: string): string {
  let current = posix.normalize(`/${path}`).slice(1);
  for (let hop = 0; hop < 10; hop++) {
    const target = contents.links.get(current);
    if (target === undefined) return current;
    current = target;
  }
  throw invalid(`the archive's link ${path} leads in a circle`);
}

async function fromDockerArchive(content: ContentStore, lease: Lease, contents: Contents, document: Buffer): Promise<ArchivedImage[]> {
  const images: ArchivedImage[] = [];
  for (const item of DockerArchiveManifest.parse(JSON.parse(document.toString('utf8')))) {
    const configPath = follow(contents, item.Config);
    const inline = contents.documents.get(configPath);
    const config = inline === undefined ? contents.stored.get(configPath) : { digest: digestOf(inline), sizeBytes: inline.length };
    if (config === undefined) throw invalid(`the archive has no config ${item.Config}`);
    lease.add(config.digest);
    if (inline !== undefined) await content.put(inline);
    const layers: Descriptor[] = [];
    for (const path of item.Layers ?? []) {
      const blob = contents.stored.get(follow(contents, path));
      if (blob === undefined) throw invalid(`the archive has no layer ${path}`);
      layers.push({ mediaType: await layerMediaType(content, blob.digest), digest: blob.digest, size: blob.sizeBytes });
    }
    const manifest: ImageManifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.sizeBytes },
      layers,
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    lease.add(digestOf(bytes));
    const manifestDigest = await content.put(bytes);
    images.push({ manifest, manifestDigest, manifestMediaType: mediaTypes.ociManifest, references: (item.RepoTags ?? []).map(normaliseReference) });
  }
  return images;
}

/** containerd and Docker write the whole name beside the tag; a bare ref.name is a name only when it has a repository in it. */
function referencesOf(descriptor: Descriptor): string[] {
  const full = descriptor.annotations?.['io.containerd.image.name'];
  const short = descriptor.annotations?.['org.opencontainers.image.ref.name'];
  const name = full ?? (short !== undefined && /[/:]/.test(short) ? short : undefined);
  return name === undefined ? [] : [normaliseReference(name)];
}

async function fromLayout(content: ContentStore, index: ImageIndex): Promise<ArchivedImage[]> {
  const images = new Map<string, { image: ArchivedImage; references: string[] }>();
  for (const descriptor of index.manifests) {
    const found = await resolve(content, descriptor, 0);
    if (found === undefined) continue;
    const known = images.get(found.manifestDigest) ?? { image: found, references: [] };
    known.references.push(...referencesOf(descriptor));
    images.set(found.manifestDigest, known);
  }
  return [...images.values()].map(({ image, references }) => ({ ...image, references }));
}

/** An index in the layout may name platforms the archive leaves out: those are no error unless it is the one wanted here. */
async function resolve(
  content: ContentStore,
  descriptor: Descriptor,
  depth: number,
): Promise<(Omit<ArchivedImage, 'references'> & { references: string[] }) | undefined> {
  if (depth > 4) throw invalid('indexes in the archive are nested too deeply');
  if (content.stat(descriptor.digest) === undefined) return undefined;
  const parsed = parseManifest(await content.read(descriptor.digest), descriptor.mediaType);
  if (parsed.kind === 'manifest') {
    return {
      manifest: parsed.manifest,
      manifestDigest: descriptor.digest,
      manifestMediaType: parsed.manifest.mediaType ?? descriptor.mediaType,
      references: [],
    };
  }
  const here = parsed.index.manifests.filter((candidate) => content.stat(candidate.digest) !== undefined);
  const chosen = choosePlatform(here, hostPlatform());
  return chosen === undefined ? undefined : resolve(content, chosen, depth + 1);
}

/**
 * Reads what `docker save`, `podman save`, `skopeo copy … oci-archive:` and `buildx --output type=oci` write, compressed or not. With both kinds of table
 * of contents in one archive (Docker ≥ 25) the OCI one is used: it keeps the manifests' digests.
 */
export async function readImageArchive(parts: ArchiveParts, tar: Readable, onFile: (path: string, sizeBytes: number) => void): Promise<ArchivedImage[]> {
  const { content, lease } = parts;
  const contents = await readContents(parts, tar, onFile);
  const index = contents.documents.get('index.json');
  const table = contents.documents.get('manifest.json');
  try {
    if (index !== undefined && contents.documents.has('oci-layout')) {
      const images = await fromLayout(content, ImageIndex.parse(JSON.parse(index.toString('utf8'))));
      if (images.length > 0 || table === undefined) return images;
    }
    if (table !== undefined) return await fromDockerArchive(content, lease, contents, table);
  } catch (cause) {
    if (cause instanceof GantryError) throw cause;
    throw operational('corrupt', "read the image archive's table of contents", { cause });
  }
  throw invalid('the archive is neither a docker-archive (manifest.json) nor an OCI layout (index.json)');
}
