import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '@gantry/oci/manifest';
import type { RegistryClient } from '@gantry/oci/registry';
import { describeError, hasCode, operational, whileTrying } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { ContentStore } from '@gantry/runtime/content';
import type { LayerDraft, Snapshotter } from '@gantry/runtime/snapshots';

const maxAttempts = 5;
/** An attempt that brought so much counts as a success. */
const worthwhileBytes = 1 << 20;

/** One connection's worth of a blob from `offset` on. A registry that knows no ranges sends again what is here already. */
async function* attempt(client: RegistryClient, blob: Descriptor, offset: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { body, startsAt } = await client.getBlob(blob.digest, offset, signal);
  let passed = startsAt;
  for await (const chunk of body) {
    const fresh = passed < offset ? chunk.subarray(Math.min(chunk.length, offset - passed)) : chunk;
    passed += chunk.length;
    if (passed > blob.size) throw operational('digest-mismatch', `the registry sends more than the ${blob.size} bytes of ${blob.digest}`);
    if (fresh.length > 0) yield fresh;
  }
  if (passed < blob.size) throw operational('unavailable', `the registry ended ${blob.digest} after ${passed} of ${blob.size} bytes`);
}

/** The bytes of a blob from `start` on; goes on where the connection broke. The registry is held to the length it promised. */
async function* blobBytes(
  { client, logger }: Pick<DownloadParts, 'client' | 'logger'>,
  blob: Descriptor,
  start: number,
  report: (current: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let offset = start;
  let failures = 0;
  while (offset < blob.size || (blob.size === 0 && failures === 0)) {
    const before = offset;
    try {
      for await (const chunk of attempt(client, blob, offset, signal)) {
        offset += chunk.length;
        yield chunk;
        report(offset);
      }
      return;
    } catch (error) {
      if (signal.aborted) throw operational('cancelled', `download of ${blob.digest} was cancelled`, { cause: error });
      failures = offset - before >= worthwhileBytes ? 1 : failures + 1;
      if (failures >= maxAttempts || !isWorthAnother(error)) throw whileTrying(`download ${blob.digest}`, error);
      logger.warn({ reason: describeError(error), failures }, 'a download was interrupted, resuming');
    }
    await delay(100 * 2 ** failures, undefined, { signal });
  }
}

interface DownloadParts {
  readonly content: ContentStore;
  readonly client: RegistryClient;
  readonly logger: Logger;
}

/** Brings a blob into the content store; takes up where an earlier attempt, in this process or before it, was cut off. */
export async function downloadBlob(parts: DownloadParts, blob: Descriptor, signal: AbortSignal): Promise<void> {
  const ingest = await parts.content.openIngest(`pull ${blob.digest}`);
  try {
    if (ingest.offset > blob.size) await ingest.truncate();
    for await (const chunk of blobBytes(parts, blob, ingest.offset, () => undefined, signal)) await ingest.write(chunk);
    await ingest.commit({ digest: blob.digest, sizeBytes: blob.size });
  } catch (error) {
    await (hasCode(error, 'no-space') || hasCode(error, 'digest-mismatch') ? ingest.abort() : ingest.close());
    throw error;
  }
}

interface StreamedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

/** Unpacks a layer while it comes, and leaves its blob in the content store; nothing of it passes through a hash of ours. */
export async function streamLayer(
  parts: DownloadParts & { readonly snapshots: Snapshotter },
  { descriptor, diffId }: StreamedLayer,
  report: (current: number) => void,
  signal: AbortSignal,
): Promise<LayerDraft> {
  let file = await parts.content.openDraft(`pull ${descriptor.digest}`);
  let layer: LayerDraft | null = null;
  try {
    if (file.sizeBytes > descriptor.size) {
      await file.discard();
      file = await parts.content.openDraft(`pull ${descriptor.digest}`);
    }
    const source = blobBytes(parts, descriptor, file.sizeBytes, report, signal);
    layer = await parts.snapshots.receive({ source, digest: descriptor.digest, diffId, keep: file.path }, { signal });
    await file.commit({ digest: descriptor.digest, sizeBytes: descriptor.size });
    return layer;
  } catch (error) {
    layer?.discard();
    // Only the beginning of what was promised is worth going on with.
    const isBeginning = hasCode(error, 'unavailable') || hasCode(error, 'timeout') || hasCode(error, 'cancelled');
    await (isBeginning ? file.close() : file.discard());
    throw error;
  }
}

function isWorthAnother(error: unknown): boolean {
  if (hasCode(error, 'unavailable') || hasCode(error, 'timeout')) return true;
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}
