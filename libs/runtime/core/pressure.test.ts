import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { digestOf } from '@gantry/oci/digest';
import { mediaTypes } from '@gantry/oci/manifest';
import { tarEnd, tarFile, tarHeader } from '@gantry/oci/tar';
import { afterEach, expect, it } from 'vitest';
import { busybox, exec, loadBusybox, openRuntimeFixture, type RuntimeFixture, run, start, until } from './fixture.suite.ts';

let cleanup = new AsyncDisposableStack();
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});

async function open(overrides: Parameters<typeof openRuntimeFixture>[0] = {}): Promise<RuntimeFixture> {
  const fixture = await openRuntimeFixture(overrides);
  cleanup.defer(() => fixture.close());
  return fixture;
}

interface TestImage {
  readonly blobs: Map<string, Buffer>;
  readonly manifest: Buffer;
}

/** An image of one file per layer. */
function makeImage(layers: readonly Buffer[]): TestImage {
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

const layerOf = (name: string, content: string | Buffer) => Buffer.concat([tarFile(name, content), tarEnd]);

/** A registry with one image, whose blobs `misbehave` may serve in its own way. */
async function serve(image: TestImage, misbehave: (bytes: Buffer, request: IncomingMessage, response: ServerResponse) => boolean): Promise<string> {
  const server: Server = createServer((request, response) => {
    const digest = /blobs\/(sha256:[0-9a-f]{64})$/.exec(request.url ?? '')?.[1];
    if (digest === undefined) {
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest, 'docker-content-digest': digestOf(image.manifest) });
      response.end(request.method === 'HEAD' ? '' : image.manifest);
      return;
    }
    const bytes = image.blobs.get(digest) ?? Buffer.alloc(0);
    if (misbehave(bytes, request, response)) return;
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
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

it('a disk that fills up leaves no half layer, and works again when there is room', async () => {
  const disk = await mkdtemp(join(tmpdir(), 'gantry-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
  cleanup.defer(async () => {
    execFileSync('umount', ['-l', disk]);
    await rm(disk, { recursive: true });
  });
  const { runtime } = await open({ dataDir: join(disk, 'data') });
  await loadBusybox(runtime);
  const big = makeImage([layerOf('big', randomBytes(8 << 20))]);
  const reference = await serve(big, () => false);
  await expect(runtime.images.pull(reference)).rejects.toMatchObject({ code: 'no-space' });
  expect(runtime.images.find(reference)).toBeUndefined();
  expect((await run(runtime, { cmd: ['echo', 'still here'] })).output).toBe('still here\n');
  await runtime.collectGarbage();
  execFileSync('mount', ['-o', 'remount,size=64m', disk]);
  expect((await runtime.images.pull(reference)).isNew).toBe(true);
});

it('a connection that breaks is taken up where it broke', async () => {
  const { runtime } = await open();
  const image = makeImage([layerOf('data', randomBytes(3 << 20))]);
  const ranges: (string | undefined)[] = [];
  let breaks = 2;
  const reference = await serve(image, (bytes, request, response) => {
    if (bytes.length < 1 << 20) return false;
    ranges.push(request.headers.range);
    if (breaks-- <= 0) return false;
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': bytes.length - start,
      ...(start > 0 ? { 'content-range': `bytes ${start}-/${bytes.length}` } : {}),
    });
    response.write(bytes.subarray(start, start + (1 << 20)), () => response.destroy());
    return true;
  });
  await runtime.images.pull(reference);
  expect(ranges[0]).toBeUndefined();
  expect(ranges.slice(1).every((range) => range?.startsWith('bytes='))).toBe(true);
  expect(ranges.length).toBe(3);
});

it('a registry that lies about bytes or lengths gets nothing in', async () => {
  const { runtime } = await open();
  const image = makeImage([layerOf('data', 'truth')]);
  const liars: ((bytes: Buffer, response: ServerResponse) => void)[] = [
    (bytes, response) => response.end(Buffer.alloc(bytes.length, 'x')),
    (bytes, response) => response.end(Buffer.concat([bytes, bytes])),
  ];
  for (const lie of liars) {
    const reference = await serve(image, (bytes, _request, response) => {
      lie(bytes, response);
      return true;
    });
    await expect(runtime.images.pull(reference)).rejects.toMatchObject({ code: 'digest-mismatch' });
  }
  expect(runtime.images.list()).toEqual([]);
});

it('a pull given up by one caller goes on for the other, and garbage collection waits for it', async () => {
  const { runtime } = await open();
  const image = makeImage([layerOf('data', randomBytes(2 << 20))]);
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
  let isFirst = true;
  const reference = await serve(image, (bytes, _request, response) => {
    if (bytes.length < 1 << 20 || !isFirst) return false;
    isFirst = false;
    response.write(bytes.subarray(0, 1 << 20));
    isAsked();
    void allowed.then(() => response.end(bytes.subarray(1 << 20)));
    return true;
  });
  const giveUp = new AbortController();
  const first = runtime.images.pull(reference, { signal: giveUp.signal });
  const second = runtime.images.pull(reference);
  await asked;
  const collecting = runtime.collectGarbage();
  giveUp.abort();
  await expect(first).rejects.toMatchObject({ code: 'cancelled' });
  allow();
  expect((await second).image.layers).toHaveLength(1);
  await collecting;
  expect(image.blobs.size).toBe(2);
  for (const digest of image.blobs.keys()) expect(runtime.content.stat(digest), digest).toBeDefined();
});

it('a pull that is called off, or fails in one layer of many, leaves nothing behind and can be taken up again', async () => {
  const { runtime, options } = await open();
  const image = makeImage(Array.from({ length: 6 }, (_, index) => layerOf(`file-${index}`, randomBytes(1 << 20))));
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  let mode: 'hang' | 'lie' | 'honest' = 'hang';
  const last = [...image.blobs.keys()].at(-1) ?? '';
  const reference = await serve(image, (bytes, _request, response) => {
    const isLast = bytes === image.blobs.get(last);
    if (mode === 'honest' || !isLast) return false;
    if (mode === 'lie') response.end(randomBytes(bytes.length));
    else response.write(bytes.subarray(0, 1 << 19), () => isAsked());
    return true;
  });
  const giveUp = new AbortController();
  const pulling = runtime.images.pull(reference, { signal: giveUp.signal });
  await asked;
  giveUp.abort();
  await expect(pulling).rejects.toMatchObject({ code: 'cancelled' });
  mode = 'lie';
  await expect(runtime.images.pull(reference)).rejects.toMatchObject({ code: 'digest-mismatch' });
  const drafts = () => readdirSync(join(options.dataDir, 'snapshots/layers')).filter((name) => name.startsWith('draft'));
  await until('no half layer is left', () => drafts().length === 0);
  expect(runtime.images.list()).toEqual([]);
  mode = 'honest';
  expect((await runtime.images.pull(reference)).image.layers).toHaveLength(6);
});

it('a layer that stands on what its own bytes do not tell is right, in whatever order the layers arrive', async () => {
  const { runtime } = await open();
  await loadBusybox(runtime);
  const [bottom] = runtime.images.get(busybox).layers;
  const binary = bottom === undefined ? Buffer.alloc(0) : await runtime.content.read(bottom.digest);
  const lower = Buffer.concat([tarHeader({ name: 'secret/', type: 'directory', mode: 0o700 }), tarFile('secret/old', 'old'), tarEnd]);
  const above = Buffer.concat([tarFile('secret/new', 'new'), tarHeader({ name: 'alias', type: 'hardlink', linkName: 'secret/old' }), tarEnd]);
  const image = makeImage([binary, lower, above]);
  const { promise: aboveIsThere, resolve: tellAbove } = Promise.withResolvers<void>();
  const reference = await serve(image, (bytes, _request, response) => {
    if (bytes.equals(above)) response.once('finish', () => tellAbove());
    if (!bytes.equals(lower)) return false;
    void aboveIsThere.then(() => response.end(bytes));
    return true;
  });
  const { image: pulled } = await runtime.images.pull(reference);
  const { output } = await run(runtime, { image: pulled.id, cmd: ['/bin/sh', '-c', '/bin/stat -c %a /secret; /bin/cat /alias /secret/new'] });
  expect(output).toBe('700\noldnew');
});

it('images of no layer and of 130 layers run', async () => {
  const { runtime } = await open();
  await loadBusybox(runtime);
  const [bottom] = runtime.images.get(busybox).layers;
  const binary = bottom === undefined ? Buffer.alloc(0) : await runtime.content.read(bottom.digest);
  const many = makeImage([binary, ...Array.from({ length: 129 }, (_, index) => layerOf(`layer-${index}`, String(index)))]);
  await runtime.images.pull(await serve(many, () => false)).then(({ image }) => runtime.images.tag(image.id, 'many:1'));
  const { output } = await run(runtime, { image: 'many:1', cmd: ['/bin/sh', '-c', '/bin/ls /layer-* | /bin/wc -l; /bin/cat /layer-128'] });
  expect(output).toBe('129\n128');

  const nothing = makeImage([]);
  const { image } = await runtime.images.pull(await serve(nothing, () => false));
  expect(image).toMatchObject({ chainId: null, layers: [], sizeBytes: 0 });
  const { container } = await runtime.containers.create({ spec: { image: image.id, cmd: ['/none'] } });
  await expect(runtime.containers.start(container.id)).rejects.toMatchObject({ code: 'command-not-found' });
});

it('what is damaged on disk takes down nothing else', async () => {
  const fixture = await open();
  await loadBusybox(fixture.runtime);
  const id = await start(fixture.runtime, { cmd: ['sleep', '1000'] });
  const other = await fixture.runtime.images.import(Readable.from([layerOf('file', 'x')]), { reference: 'other:1' });
  const config = fixture.runtime.content.path(other.id);
  await fixture.runtime.close();
  writeFileSync(config, '{"architecture":"damaged"}');
  const runtime = await fixture.reopen();
  expect(runtime.images.find('other:1')).toBeUndefined();
  expect(runtime.images.get(busybox).references).toEqual(['docker.io/library/busybox:latest']);
  expect((await exec(runtime, id, ['echo', 'fine'])).output).toBe('fine\n');
});
