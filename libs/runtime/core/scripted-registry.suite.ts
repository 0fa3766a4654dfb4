import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { digestOf } from '@gantry/oci/digest';
import { mediaTypes } from '@gantry/oci/manifest';
import { tarEnd, tarFile } from '@gantry/oci/tar';

export interface TestImage {
  /** By digest. */
  readonly blobs: Map<string, Buffer>;
  readonly manifest: Buffer;
}

/** Layers bottom first, as tars. */
export function makeImage(layers: readonly Buffer[]): TestImage {
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
      history: [],
    }),
  );
  const describe = (bytes: Buffer, mediaType: string) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: describe(config, mediaTypes.ociConfig),
      layers: layers.map((layer) => describe(layer, mediaTypes.ociLayer)),
    }),
  );
  return { blobs: new Map([config, ...layers].map((bytes) => [digestOf(bytes), bytes])), manifest };
}

/** A layer of one file. */
export const layerOf = (name: string, content: string | Buffer) => Buffer.concat([tarFile(name, content), tarEnd]);

/** What a registry does in place of what it should; false: what it should. */
export type Misbehaviour = (bytes: Buffer, request: IncomingMessage, response: ServerResponse) => boolean;

export interface Script {
  readonly blobs?: Misbehaviour;
  readonly manifest?: Misbehaviour;
}

/** A registry with one image, which it serves in its own way; closed with `cleanup`. The image's reference. */
export async function serveImage(image: TestImage, script: Script, cleanup: AsyncDisposableStack): Promise<string> {
  const server = createServer((request, response) => {
    const digest = /blobs\/(sha256:[0-9a-f]{64})$/.exec(request.url ?? '')?.[1];
    if (digest === undefined) {
      if (script.manifest?.(image.manifest, request, response) === true) return;
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest, 'docker-content-digest': digestOf(image.manifest) });
      response.end(request.method === 'HEAD' ? '' : image.manifest);
      return;
    }
    const bytes = image.blobs.get(digest) ?? Buffer.alloc(0);
    if (script.blobs?.(bytes, request, response) === true) return;
    const start = startOf(request);
    response.writeHead(start > 0 ? 206 : 200, start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {});
    response.end(bytes.subarray(start));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  cleanup.defer(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
  return `127.0.0.1:${address.port}/app:1`;
}

/** Where the range that was asked for begins. */
export const startOf = (request: IncomingMessage): number => Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
