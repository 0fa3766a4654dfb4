import type { Readable } from 'node:stream';
import type { ImageConfig, ImageProcessConfig } from './config.ts';

/**
 * Images: a config, its layers unpacked, and the references that name it.
 *
 * An image's id is the digest of its config. References are normalised (`docker.io/library/busybox:latest`); `reference` arguments may be
 * an id, a unique prefix of one, a familiar name (`busybox`), `name:tag` or `name@digest`.
 */
export interface Images {
  list(): Image[];
  /** Throws not-found: `no such image: x:latest`. */
  get(reference: string): Image;
  find(reference: string): Image | undefined;
  pull(reference: string, options?: PullOptions): Promise<PulledImage>;
  push(reference: string, options?: TransferOptions): Promise<{ digest: string; sizeBytes: number; tag: string }>;
  /** Reads a `docker save` or OCI layout tar, also in gzip, zstd, bzip2 or xz; says what it loaded. */
  load(tar: Readable, options?: { signal?: AbortSignal; onProgress?: (progress: LayerProgress) => void }): Promise<LoadedImage[]>;
  /** A docker-archive that is an OCI layout too (as Docker ≥ 25 writes). */
  save(references: readonly string[]): Readable;
  /** A root file system tar becomes an image of one layer. */
  import(tar: Readable, options: { reference: string | null; config?: ImageProcessConfig; message?: string; signal?: AbortSignal }): Promise<Image>;
  /** Registers an image from parts that are in the content store already; how commit and build end. */
  compose(parts: { config: ImageConfig; layers: readonly ComposedLayer[]; references?: readonly string[] }): Promise<Image>;
  tag(image: string, reference: string): void;
  /** Untags; removes the image when that was its last reference, or when `image` is an id. `force` takes all references. */
  remove(image: string, options?: { force?: boolean }): Promise<RemovedImage>;
  history(image: string): HistoryEntry[];
  /** Removes images without containers that `matches` accepts (dangling ones when not given). */
  prune(options?: { matches?: (image: Image) => boolean }): Promise<RemovedImage & { reclaimedBytes: number }>;
  /** Frees layers and blobs that no image, container or lease needs; waits until no pull, load or build is under way. */
  collectGarbage(): Promise<{ reclaimedBytes: number }>;
  /** Runs work that puts an image together from parts, safe from garbage collection: what build and commit wrap themselves in. */
  assemble<T>(work: () => Promise<T>): Promise<T>;
  /** Which container stands in the way of removing an image. Set once, by the core. */
  usedBy(findUser: (imageId: string) => ImageUser | null): void;
}

export interface Image {
  /** `sha256:…` of the config. */
  readonly id: string;
  /** Normalised, with tags. */
  readonly references: readonly string[];
  /** `docker.io/library/busybox@sha256:…` */
  readonly repoDigests: readonly string[];
  readonly config: ImageConfig;
  readonly manifestDigest: string;
  readonly manifestMediaType: string;
  readonly layers: readonly ImageLayer[];
  /** Top layer's chain ID; null for an image without layers. */
  readonly chainId: string | null;
  /** Uncompressed size of all layers. */
  readonly sizeBytes: number;
  readonly createdAt: string | null;
  readonly taggedAt: string | null;
}

export interface ImageUser {
  readonly containerId: string;
  readonly isRunning: boolean;
}

export interface ImageLayer {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly diffId: string;
  readonly chainId: string;
}

export type ComposedLayer = Omit<ImageLayer, 'chainId'>;

export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  /** OAuth2 refresh token (`docker login` of some registries). */
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface TransferOptions {
  readonly credentials?: RegistryCredentials;
  readonly onProgress?: (progress: LayerProgress) => void;
  readonly signal?: AbortSignal;
}

export interface PullOptions extends TransferOptions {
  /** `linux/arm64/v8`; this host's when not given. */
  readonly platform?: string;
}

export interface PulledImage {
  readonly image: Image;
  readonly digest: string;
  /** False: `Image is up to date`. */
  readonly isNew: boolean;
}

/** `id` is the short digest Docker shows for a layer; the statuses are Docker's phrases. */
export interface LayerProgress {
  readonly id: string;
  readonly status:
    | 'Pulling fs layer'
    | 'Waiting'
    | 'Downloading'
    | 'Verifying Checksum'
    | 'Download complete'
    | 'Extracting'
    | 'Pull complete'
    | 'Already exists'
    | 'Preparing'
    | 'Pushing'
    | 'Pushed'
    | 'Layer already exists'
    | 'Mounted from'
    | 'Loading layer';
  readonly current?: number;
  readonly total?: number;
}

export interface LoadedImage {
  readonly image: Image;
  /** Empty: loaded by id only. */
  readonly references: readonly string[];
}

export interface RemovedImage {
  readonly untagged: string[];
  readonly deleted: string[];
}

export interface HistoryEntry {
  /** `<missing>` for all but the newest. */
  readonly id: string;
  readonly createdAt: string | null;
  readonly createdBy: string;
  readonly comment: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
}
