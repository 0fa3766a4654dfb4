import type { OverlayRootfs } from '@gantry/contracts/executor';

/**
 * File systems made of layers.
 *
 * A *committed* snapshot is one unpacked layer on top of its parents, read-only, named by its chain ID (OCI image spec): the digest of its
 * parent's chain ID and its own diff ID. An *active* snapshot is a writable directory over a committed one, known by a key (a container's id).
 *
 * Importing: `receive` the layers, several at once and in any order → drafts; `commit` the drafts, bottom first → committed; `flush` once, and they survive
 * a power cut. `unpack` does all of it.
 * Running: `prepare(key, chainId)` → active; `rootfs(key)` is given to the executor, which mounts it inside the container only.
 * Ending: `remove(key)`; a committed snapshot goes by `collectGarbage` when no active one and no image stands on it.
 */
export interface Snapshotter {
  /** The chain IDs of the layers, bottom first. */
  chain(diffIds: readonly string[]): string[];
  has(chainId: string): boolean;
  /** Bytes of a committed snapshot's tar; 0 when it is not here. */
  layerSize(chainId: string): number;
  /** Unpacks a layer's bytes as far as that can be done without the layers below. All or nothing. */
  receive(layer: LayerBytes, options?: { signal?: AbortSignal }): Promise<LayerDraft>;
  /** What was committed until now is on disk, and recorded, when this returns: all at once, since waiting for the disk is what takes long. */
  flush(): Promise<void>;
  /** Makes the committed snapshot; concurrent calls for one layer share the work. All or nothing. */
  unpack(layer: LayerSource, options?: { signal?: AbortSignal }): Promise<UnpackedLayer>;
  /** `parent` null: an empty root (scratch). */
  prepare(key: string, parent: string | null): Promise<OverlayRootfs>;
  rootfs(key: string): OverlayRootfs;
  /** A read-only view of a committed snapshot that nothing has to clean up. */
  view(chainId: string | null): Promise<OverlayRootfs>;
  /** Writes what changed in the active snapshot as a layer into the content store. */
  diff(key: string): Promise<UnpackedLayer & { blobDigest: string; blobBytes: number; mediaType: string }>;
  /** Docker's list: 0 modified, 1 added, 2 deleted. */
  changes(key: string): Promise<{ path: string; kind: 0 | 1 | 2 }[]>;
  /** Bytes in the active snapshot's writable layer. */
  usage(key: string): Promise<number>;
  remove(key: string): Promise<void>;
  keys(): string[];
  collectGarbage(isReferenced: (chainId: string) => boolean): Promise<{ removed: string[]; reclaimedBytes: number }>;
}

export interface LayerBytes {
  /** A blob's file, or its bytes as they come. */
  readonly source: string | AsyncIterable<Uint8Array>;
  /** What the bytes must amount to; null: nobody has said. */
  readonly digest: string | null;
  readonly diffId: string | null;
  /** A file to keep the bytes in, which may hold their beginning already. */
  readonly keep: string | null;
}

/** A layer without a place among the others. Ends with one of its methods. */
export interface LayerDraft {
  readonly digest: string;
  readonly diffId: string;
  /** What was kept, and how it is compressed when no digest was given. */
  readonly keptBytes: number;
  readonly keptCompression: '' | 'none' | 'gzip' | 'zstd';
  /** The parent must be committed. Until `flush` an interruption takes it away again. What somebody else has committed meanwhile stays. */
  commit(place: { chainId: string; parent: string | null }): Promise<UnpackedLayer>;
  /** Nothing is left of it. */
  discard(): void;
}

export interface LayerSource {
  readonly chainId: string;
  readonly parent: string | null;
  readonly diffId: string;
  /** Compressed or plain tar in the content store. */
  readonly blobDigest: string;
}

export interface UnpackedLayer {
  readonly chainId: string;
  readonly diffId: string;
  /** Bytes of the tar. */
  readonly sizeBytes: number;
}
