import type { OverlayRootfs } from '@gantry/contracts/executor';

/**
 * File systems made of layers.
 *
 * A *committed* snapshot is one unpacked layer on top of its parents, read-only, named by its chain ID (OCI image spec): the digest of its
 * parent's chain ID and its own diff ID. An *active* snapshot is a writable directory over a committed one, known by a key (a container's id).
 *
 * Importing: for each layer, bottom first, `unpack` → committed, or nothing to do when it is there.
 * Running: `prepare(key, chainId)` → active; `rootfs(key)` is given to the executor, which mounts it inside the container only.
 * Ending: `remove(key)`; a committed snapshot goes by `collectGarbage` when no active one and no image stands on it.
 */
export interface Snapshotter {
  /** The chain IDs of the layers, bottom first. */
  chain(diffIds: readonly string[]): string[];
  has(chainId: string): boolean;
  /** Bytes of a committed snapshot's tar; 0 when it is not here. */
  layerSize(chainId: string): number;
  /** Makes the committed snapshot; concurrent calls for one layer share the work. All or nothing. */
  unpack(layer: LayerSource, options?: { signal?: AbortSignal }): Promise<UnpackedLayer>;
  /** As `unpack`, for the only layer of an image whose diff ID nobody has told. */
  unpackBase(blobDigest: string, options?: { signal?: AbortSignal }): Promise<UnpackedLayer>;
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
