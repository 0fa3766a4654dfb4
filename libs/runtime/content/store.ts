import type { Readable } from 'node:stream';

/**
 * Bytes named by their digest.
 *
 * Life of a blob: `openIngest(key)` starts it or takes up what an earlier attempt left; `write` appends; `commit` checks digest and
 * size, and only then the blob exists under its digest, for good. A blob is kept while a lease or an image refers to it, and removed by
 * `collectGarbage` otherwise. Reading never hands out bytes that are known to be bad: `verify` quarantines.
 */
export interface ContentStore {
  stat(digest: string): BlobStat | undefined;
  list(): BlobStat[];
  /** Whole small documents (manifests, configs); refuses blobs over `maxBytes` (4 MiB unless told). Checks the digest. */
  read(digest: string, options?: { maxBytes?: number }): Promise<Buffer>;
  /** All of it is checked against the digest before its end is handed out; a range is not. */
  stream(digest: string, options?: { start?: number; end?: number }): Readable;
  /** The file that holds the blob, for the executor. Never write to it. */
  path(digest: string): string;
  /** Stores a small document, and says its digest. */
  put(bytes: Uint8Array, algorithm?: 'sha256' | 'sha512'): Promise<string>;
  openIngest(key: string): Promise<Ingest>;
  /** An ingest whose bytes the executor writes and hashes. */
  openDraft(key: string): Promise<Draft>;
  /** What drafts have brought until now is on disk when this returns: once for all of them. */
  flush(): Promise<void>;
  /** Takes a complete file the executor wrote and hashed (layer.diff) into the store by renaming it. */
  adopt(file: string, blob: { digest: string; sizeBytes: number }): Promise<void>;
  /** Hashes the blob again; one that differs is set aside, so that it can be fetched anew. */
  verify(digest: string): Promise<boolean>;
  /** Keeps what it names from garbage collection until released, or until `expiresAt`, also across restarts. */
  lease(purpose: string, options?: { ttlMs?: number }): Lease;
  /** Removes blobs that neither a lease nor `isReferenced` keeps, and abandoned ingests. */
  collectGarbage(isReferenced: (digest: string) => boolean): Promise<{ removed: string[]; reclaimedBytes: number }>;
}

export interface BlobStat {
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface Ingest {
  readonly key: string;
  /** Bytes already on disk from this or an earlier attempt: resume from here. */
  readonly offset: number;
  write(chunk: Uint8Array): Promise<void>;
  /** sha256 of the bytes so far. */
  digest(): string;
  /** Throws digest-mismatch, and drops the bytes, when they are not what was promised. */
  commit(expected: { digest: string; sizeBytes?: number }): Promise<void>;
  /** Starts over. */
  truncate(): Promise<void>;
  /** Keeps the bytes for a later attempt. */
  close(): Promise<void>;
  abort(): Promise<void>;
}

export interface Draft {
  readonly path: string;
  /** What an earlier attempt left in it: resume from here. */
  readonly sizeBytes: number;
  /** The executor vouches for the digest; the length is checked. The blob is there, but a power cut may damage it until `flush`: nothing durable may name it. */
  commit(blob: { digest: string; sizeBytes: number }): Promise<void>;
  /** Keeps the bytes for a later attempt. */
  close(): void;
  discard(): Promise<void>;
}

export interface Lease {
  readonly id: string;
  add(...digests: string[]): void;
  release(): void;
}
