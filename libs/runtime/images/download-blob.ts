import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '@gantry/oci/manifest';
import type { RegistryClient } from '@gantry/oci/registry';
import { describeError, hasCode, operational, whileTrying } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { ContentStore, Ingest } from '@gantry/runtime/content';

export interface DownloadParts {
  readonly content: ContentStore;
  readonly client: RegistryClient;
  readonly logger: Logger;
}

const maxAttempts = 5;

/** Brings a blob into the content store; takes up where an earlier attempt, in this process or before it, was cut off. */
export async function downloadBlob(parts: DownloadParts, blob: Descriptor, report: (current: number) => void, signal?: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const ingest = await parts.content.openIngest(`pull ${blob.digest}`);
    try {
      await receive(parts.client, ingest, blob, report, signal);
      return await ingest.commit({ digest: blob.digest, sizeBytes: blob.size });
    } catch (error) {
      await ingest.close();
      if (signal?.aborted === true) throw operational('cancelled', `download of ${blob.digest} was cancelled`, { cause: error });
      if (attempt >= maxAttempts || !isWorthAnother(error)) throw whileTrying(`download ${blob.digest}`, error);
      parts.logger.warn({ reason: describeError(error), attempt }, 'a download was interrupted, resuming');
    }
    await delay(100 * 2 ** attempt, undefined, signal === undefined ? {} : { signal });
  }
}

async function receive(client: RegistryClient, ingest: Ingest, blob: Descriptor, report: (current: number) => void, signal?: AbortSignal): Promise<void> {
  if (ingest.offset === blob.size && blob.size > 0) return;
  if (ingest.offset > blob.size) await ingest.truncate();
  const { body, startsAt } = await client.getBlob(blob.digest, ingest.offset, signal);
  if (startsAt !== ingest.offset) await ingest.truncate();
  for await (const chunk of body) {
    if (ingest.offset + chunk.length > blob.size) {
      await ingest.truncate();
      throw operational('digest-mismatch', `the registry sends more than the ${blob.size} bytes of ${blob.digest}`);
    }
    await ingest.write(chunk);
    report(ingest.offset);
  }
  if (ingest.offset < blob.size) throw operational('unavailable', `the registry ended ${blob.digest} after ${ingest.offset} of ${blob.size} bytes`);
}

function isWorthAnother(error: unknown): boolean {
  if (hasCode(error, 'unavailable') || hasCode(error, 'timeout')) return true;
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}
