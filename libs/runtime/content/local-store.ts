import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type DigestAlgorithm, digestOf, parseDigest } from '@gantry/oci/digest';
import { forEachLimited } from '@gantry/platform/concurrency';
import { GantryError, hasCode, notFound, operational, whileTrying, wrongState } from '@gantry/platform/errors';
import { type Logger, syncDirectory } from '@gantry/platform/node';
import type { MetadataStore } from '@gantry/runtime/metadata';
import { createLeases } from './leases.ts';
import type { BlobStat, ContentStore, Draft, Ingest } from './store.ts';

const algorithms: readonly DigestAlgorithm[] = ['sha256', 'sha512'];
const chunkBytes = 1 << 20;
const parallelSyncs = 8;
const maxDocumentBytes = 4 * 1024 * 1024;
/** An ingest nobody has touched for so long will not be taken up again. */
const abandonedAfterMs = 24 * 3600 * 1000;

export interface LocalStoreOptions {
  readonly directory: string;
  readonly metadata: MetadataStore;
  readonly logger: Logger;
  readonly now?: () => number;
}

/** Blobs as files: `blobs/ALGORITHM/HEX`, what is being fetched in `ingest/`, what proved bad in `quarantine/`. */
export function openLocalStore(options: LocalStoreOptions): ContentStore {
  const { directory, logger } = options;
  const now = options.now ?? Date.now;
  const ingestDir = join(directory, 'ingest');
  const quarantineDir = join(directory, 'quarantine');
  for (const algorithm of algorithms) mkdirSync(join(directory, 'blobs', algorithm), { recursive: true, mode: 0o700 });
  mkdirSync(ingestDir, { recursive: true, mode: 0o700 });
  mkdirSync(quarantineDir, { recursive: true, mode: 0o700 });
  const leases = createLeases(options.metadata, now);
  const openKeys = new Set<string>();
  /** Blobs that are not on disk yet. */
  const unsynced = new Set<string>();

  const path = (digest: string): string => {
    const { algorithm, hex } = parseDigest(digest);
    return join(directory, 'blobs', algorithm, hex);
  };

  const statBlob = (digest: string): BlobStat | undefined => {
    const found = statSync(path(digest), { throwIfNoEntry: false });
    return found === undefined ? undefined : { digest, sizeBytes: found.size };
  };

  const list = (): BlobStat[] =>
    algorithms.flatMap((algorithm) => readdirSync(join(directory, 'blobs', algorithm)).flatMap((hex) => statBlob(`${algorithm}:${hex}`) ?? []));

  async function publish(file: string, digest: string): Promise<void> {
    const target = path(digest);
    await rename(file, target);
    await syncDirectory(join(target, '..'));
  }

  async function setAside(digest: string): Promise<void> {
    const { hex } = parseDigest(digest);
    await rename(path(digest), join(quarantineDir, `${hex}.${randomBytes(4).toString('hex')}`)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    logger.error({ digest }, 'a blob no longer matches its digest and was set aside');
  }

  /** The last chunk is held back until all of them have proved to be right. */
  async function* checked(digest: string): AsyncGenerator<Buffer> {
    const { algorithm, hex } = parseDigest(digest);
    const hash = createHash(algorithm);
    let last: Buffer | null = null;
    for await (const chunk of createReadStream(path(digest), { highWaterMark: chunkBytes })) {
      if (last !== null) yield last;
      hash.update(chunk);
      last = chunk;
    }
    if (hash.digest('hex') !== hex) {
      await setAside(digest);
      throw operational('corrupt', `content ${digest} is damaged`);
    }
    if (last !== null) yield last;
  }

  const fileOf = (key: string) => join(ingestDir, createHash('sha256').update(key).digest('hex'));

  async function openDraft(key: string): Promise<Draft> {
    if (openKeys.has(key)) throw wrongState(`ingest ${key} is already open`);
    const file = fileOf(key);
    const sizeBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    openKeys.add(key);
    return {
      path: file,
      sizeBytes,
      async commit(blob) {
        checkLength(file, blob);
        await rename(file, path(blob.digest));
        unsynced.add(blob.digest);
        openKeys.delete(key);
      },
      close: () => {
        openKeys.delete(key);
      },
      async discard() {
        await rm(file, { force: true });
        openKeys.delete(key);
      },
    };
  }

  function checkLength(file: string, blob: BlobStat): void {
    const found = statSync(file).size;
    if (found !== blob.sizeBytes) throw operational('digest-mismatch', `${file} has ${found} bytes, expected ${blob.sizeBytes}`);
  }

  async function adopt(file: string, blob: BlobStat): Promise<void> {
    checkLength(file, blob);
    await syncFile(file);
    await publish(file, blob.digest);
  }

  async function flush(): Promise<void> {
    const batch = [...unsynced].filter((digest) => statBlob(digest) !== undefined);
    await forEachLimited(batch, parallelSyncs, (digest) => syncFile(path(digest)));
    for (const algorithm of new Set(batch.map((digest) => parseDigest(digest).algorithm))) await syncDirectory(join(directory, 'blobs', algorithm));
    for (const digest of batch) unsynced.delete(digest);
  }

  async function openIngest(key: string): Promise<Ingest> {
    if (openKeys.has(key)) throw wrongState(`ingest ${key} is already open`);
    openKeys.add(key);
    try {
      const file = fileOf(key);
      const handle = await open(file, 'a+', 0o600);
      const hash = createHash('sha256');
      const offset = await hashFile(file, hash);
      return new LocalIngest({ key, file, handle, hash, offset, publish, done: () => openKeys.delete(key) });
    } catch (cause) {
      openKeys.delete(key);
      throw whileTrying(`open ingest ${key}`, cause);
    }
  }

  async function collectIngests(): Promise<number> {
    let reclaimedBytes = 0;
    const open = new Set([...openKeys].map((key) => createHash('sha256').update(key).digest('hex')));
    for (const name of readdirSync(ingestDir)) {
      if (open.has(name)) continue;
      const found = await stat(join(ingestDir, name));
      if (now() - found.mtimeMs < abandonedAfterMs) continue;
      await rm(join(ingestDir, name), { force: true });
      reclaimedBytes += found.size;
    }
    return reclaimedBytes;
  }

  return {
    stat: statBlob,
    list,
    path,
    async read(digest, { maxBytes = maxDocumentBytes } = {}) {
      const found = statBlob(digest);
      if (found === undefined) throw notFound(`content ${digest} is not here`);
      if (found.sizeBytes > maxBytes) throw operational('too-large', `content ${digest} has ${found.sizeBytes} bytes, over the limit of ${maxBytes}`);
      const handle = await open(path(digest), 'r');
      const bytes = await handle.readFile().finally(() => handle.close());
      if (digestOf(bytes, parseDigest(digest).algorithm) === digest) return bytes;
      await setAside(digest);
      throw operational('corrupt', `content ${digest} is damaged`);
    },
    stream(digest, range): Readable {
      if (range !== undefined) return createReadStream(path(digest), { ...range, highWaterMark: chunkBytes });
      return Readable.from(checked(digest), { objectMode: false, highWaterMark: chunkBytes });
    },
    async put(bytes, algorithm = 'sha256') {
      const digest = digestOf(bytes, algorithm);
      if (statBlob(digest) !== undefined) return digest;
      const draft = join(ingestDir, `put-${randomBytes(8).toString('hex')}`);
      try {
        const handle = await open(draft, 'wx', 0o600);
        try {
          await handle.writeFile(bytes);
          await handle.datasync();
        } finally {
          await handle.close();
        }
        await publish(draft, digest);
        return digest;
      } catch (cause) {
        await rm(draft, { force: true });
        throw whileTrying(`store content ${digest}`, cause);
      }
    },
    openIngest,
    openDraft,
    flush,
    adopt,
    async verify(digest) {
      if (statBlob(digest) === undefined) throw notFound(`content ${digest} is not here`);
      const { algorithm, hex } = parseDigest(digest);
      const hash = createHash(algorithm);
      await hashFile(path(digest), hash);
      if (hash.digest('hex') === hex) return true;
      await setAside(digest);
      return false;
    },
    lease: leases.create,
    async collectGarbage(isReferenced) {
      const removed: string[] = [];
      let reclaimedBytes = await collectIngests();
      for (const blob of list()) {
        // Asked again for each blob, right before it goes: a lease taken meanwhile counts.
        if (isReferenced(blob.digest) || leases.holds(blob.digest)) continue;
        await rm(path(blob.digest), { force: true });
        unsynced.delete(blob.digest);
        removed.push(blob.digest);
        reclaimedBytes += blob.sizeBytes;
      }
      return { removed, reclaimedBytes };
    },
  };
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r');
  await handle.datasync().finally(() => handle.close());
}

async function hashFile(file: string, hash: Hash): Promise<number> {
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return bytes;
}

interface IngestParts {
  readonly key: string;
  readonly file: string;
  readonly handle: FileHandle;
  readonly hash: Hash;
  readonly offset: number;
  readonly publish: (file: string, digest: string) => Promise<void>;
  readonly done: () => void;
}

class LocalIngest implements Ingest {
  readonly key: string;
  readonly #parts: IngestParts;
  #hash: Hash;
  #offset: number;
  #isClosed = false;

  constructor(parts: IngestParts) {
    this.key = parts.key;
    this.#parts = parts;
    this.#hash = parts.hash;
    this.#offset = parts.offset;
  }

  get offset(): number {
    return this.#offset;
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      let written = 0;
      while (written < chunk.length) {
        const { bytesWritten } = await this.#parts.handle.write(chunk, written, chunk.length - written);
        this.#hash.update(chunk.subarray(written, written + bytesWritten));
        this.#offset += bytesWritten;
        written += bytesWritten;
      }
    } catch (cause) {
      throw whileTrying(`write ingest ${this.key}`, cause);
    }
  }

  async commit(expected: { digest: string; sizeBytes?: number }): Promise<void> {
    try {
      if (expected.sizeBytes !== undefined && expected.sizeBytes !== this.#offset) {
        throw new GantryError('operational', 'digest-mismatch', `got ${this.#offset} bytes of ${expected.digest}, expected ${expected.sizeBytes}`);
      }
      const found = await this.#digest(parseDigest(expected.digest).algorithm);
      if (found !== expected.digest) throw new GantryError('operational', 'digest-mismatch', `got bytes of ${found}, expected ${expected.digest}`);
      await this.#parts.handle.datasync();
      await this.close();
      await this.#parts.publish(this.#parts.file, expected.digest);
    } catch (cause) {
      if (hasCode(cause, 'digest-mismatch')) await this.abort();
      throw whileTrying(`commit content ${expected.digest}`, cause);
    }
  }

  digest(): string {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }

  async #digest(algorithm: DigestAlgorithm): Promise<string> {
    if (algorithm === 'sha256') return this.digest();
    const hash = createHash(algorithm);
    await hashFile(this.#parts.file, hash);
    return `${algorithm}:${hash.digest('hex')}`;
  }

  async truncate(): Promise<void> {
    await this.#parts.handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#offset = 0;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#parts.handle.close();
    this.#parts.done();
  }

  async abort(): Promise<void> {
    await this.close();
    await rm(this.#parts.file, { force: true });
  }
}
