import type { Readable } from 'node:stream';
import { digestOf, isDigest, parseDigest } from '@gantry/oci/digest';
import { acceptedManifests, maxManifestBytes } from '@gantry/oci/manifest';
import { hasCode, operational } from '@gantry/platform/errors';
import { readBody } from './http.ts';
import { RegistrySession, type SessionOptions } from './registry-session.ts';

export interface FetchedManifest {
  readonly bytes: Buffer;
  readonly mediaType: string | null;
  readonly digest: string;
}

/** One repository of a registry, by the OCI distribution spec (end-N are its endpoint numbers). */
export interface RegistryClient {
  /** end-1; throws unauthorized when the registry does not take the credentials. */
  checkAccess(signal?: AbortSignal): Promise<void>;
  /** end-3, HEAD: costs no quota where GET does. Digest null when the registry does not say. */
  headManifest(reference: string, signal?: AbortSignal): Promise<{ digest: string | null; mediaType: string | null }>;
  /** end-3; checked against the digest, if it was asked for by one. */
  getManifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest>;
  /** end-2 from `offset` on; `startsAt` is 0 when the registry sends all of it regardless. */
  getBlob(digest: string, offset: number, signal?: AbortSignal): Promise<{ body: Readable; startsAt: number }>;
  hasBlob(digest: string, signal?: AbortSignal): Promise<boolean>;
  /** end-11 where `mountFrom` is given, else end-4a, 5 and 6. `open` may be called again for another attempt. */
  pushBlob(blob: BlobUpload, signal?: AbortSignal): Promise<'pushed' | 'mounted'>;
  /** end-7 */
  putManifest(reference: string, bytes: Buffer, mediaType: string, signal?: AbortSignal): Promise<string>;
}

export interface BlobUpload {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly open: () => Readable;
  readonly mountFrom?: string;
}

const maxUploads = 4;

export function openRegistry(options: SessionOptions): RegistryClient {
  const session = new RegistrySession(options);
  const accept = acceptedManifests.join(', ');
  const withSignal = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
  const mediaTypeOf = (header: string | undefined) => header?.split(';')[0]?.trim() ?? null;

  /** One attempt from the start: after a broken PATCH nobody knows what the registry kept. */
  async function upload(blob: BlobUpload, signal: AbortSignal | undefined): Promise<'pushed' | 'mounted'> {
    const mount = blob.mountFrom === undefined ? '' : `?mount=${blob.digest}&from=${encodeURIComponent(blob.mountFrom)}`;
    const started = await session.send({
      method: 'POST',
      target: `blobs/uploads/${mount}`,
      headers: { 'content-length': '0' },
      accept: [201, 202],
      ...withSignal(signal),
    });
    started.body.resume();
    if (started.status === 201) return 'mounted';
    const patched = await session.send({
      method: 'PATCH',
      target: locationOf(started.headers.location, started.url),
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.sizeBytes) },
      body: blob.open,
      accept: [202],
      isOnce: true,
      ...withSignal(signal),
    });
    patched.body.resume();
    const finish = locationOf(patched.headers.location, patched.url);
    finish.searchParams.set('digest', blob.digest);
    const finished = await session.send({
      method: 'PUT',
      target: finish,
      headers: { 'content-length': '0' },
      accept: [201, 204],
      isOnce: true,
      ...withSignal(signal),
    });
    finished.body.resume();
    return 'pushed';
  }

  return {
    async checkAccess(signal) {
      const { body } = await session.send({ method: 'GET', target: new URL('/v2/', session.base), accept: [200], ...withSignal(signal) });
      body.resume();
    },

    async headManifest(reference, signal) {
      const { headers, body } = await session.send({
        method: 'HEAD',
        target: `manifests/${reference}`,
        headers: { accept },
        accept: [200],
        ...withSignal(signal),
      });
      body.resume();
      const digest = headers['docker-content-digest'];
      return { digest: typeof digest === 'string' && isDigest(digest) ? digest : null, mediaType: mediaTypeOf(headers['content-type']) };
    },

    async getManifest(reference, signal) {
      const response = await session.send({ method: 'GET', target: `manifests/${reference}`, headers: { accept }, accept: [200], ...withSignal(signal) });
      const bytes = await readBody(response, maxManifestBytes);
      const promised = isDigest(reference) ? reference : null;
      const digest = digestOf(bytes, promised === null ? 'sha256' : parseDigest(promised).algorithm);
      if (promised !== null && digest !== promised)
        throw operational('digest-mismatch', `${options.domain} sends manifest ${digest} where ${promised} was asked for`);
      return { bytes, mediaType: mediaTypeOf(response.headers['content-type']), digest };
    },

    async getBlob(digest, offset, signal) {
      parseDigest(digest);
      const response = await session.send({
        method: 'GET',
        target: `blobs/${digest}`,
        headers: offset > 0 ? { range: `bytes=${offset}-` } : {},
        accept: [200, 206],
        ...withSignal(signal),
      });
      const range = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '');
      const startsAt = response.status === 206 ? Number(range?.[1] ?? offset) : 0;
      return { body: response.body, startsAt };
    },

    async hasBlob(digest, signal) {
      const response = await session.send({ method: 'HEAD', target: `blobs/${digest}`, accept: [200, 404], ...withSignal(signal) });
      response.body.resume();
      return response.status === 200;
    },

    async pushBlob(blob, signal) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await upload(blob, signal);
        } catch (error) {
          if (attempt >= maxUploads || signal?.aborted === true || !(hasCode(error, 'unavailable') || hasCode(error, 'timeout') || hasCode(error, 'failed')))
            throw error;
        }
      }
    },

    async putManifest(reference, bytes, mediaType, signal) {
      const response = await session.send({
        method: 'PUT',
        target: `manifests/${reference}`,
        headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
        body: () => bytes,
        accept: [200, 201],
        ...withSignal(signal),
      });
      response.body.resume();
      return digestOf(bytes);
    },
  };
}

function locationOf(header: string | undefined, base: URL): URL {
  if (header === undefined || !URL.canParse(header, base.href)) throw operational('failed', `${base.host} does not say where to upload`);
  return new URL(header, base);
}
