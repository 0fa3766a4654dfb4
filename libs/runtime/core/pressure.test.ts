import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { tarEnd, tarFile, tarHeader } from '@gantry/oci/tar';
import { forEachLimited } from '@gantry/platform/concurrency';
import { silentLogger } from '@gantry/platform/node';
import { startRegistry } from '@gantry/testing/registry';
import { afterEach, expect, it, vi } from 'vitest';
import { busybox, exec, loadBusybox, openRuntimeFixture, type RuntimeFixture, recordEvents, run, start, until } from './fixture.suite.ts';
import { KillableAgent } from './killable-agent.suite.ts';
import { layerOf, type Misbehaviour, makeImage, serveImage, startOf, type TestImage } from './scripted-registry.suite.ts';

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

const serve = (image: TestImage, blobs: Misbehaviour) => serveImage(image, { blobs }, cleanup);

it('a connection that breaks is taken up where it broke', async () => {
  const { runtime } = await open();
  const image = makeImage([layerOf('data', randomBytes(3 << 20))]);
  const ranges: (string | undefined)[] = [];
  let breaks = 2;
  const reference = await serve(image, (bytes, request, response) => {
    if (bytes.length < 1 << 20) return false;
    ranges.push(request.headers.range);
    if (breaks-- <= 0) return false;
    const start = startOf(request);
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

it('a record or a blob that is damaged is reported and set aside, and takes down nothing else', async () => {
  const reports: string[] = [];
  const logger = silentLogger();
  vi.spyOn(logger, 'error').mockImplementation((...report: unknown[]) => void reports.push(String(report.at(-1))));
  const fixture = await open({ logger });
  await loadBusybox(fixture.runtime);
  const id = await start(fixture.runtime, { cmd: ['sleep', '1000'] });
  const lost = await start(fixture.runtime, { cmd: ['sleep', '1000'] });
  const image = makeImage([layerOf('file', randomBytes(2 << 20))]);
  const reference = await serve(image, () => false);
  const { image: pulled } = await fixture.runtime.images.pull(reference);
  const other = await fixture.runtime.images.import(Readable.from([layerOf('file', 'x')]), { reference: 'other:1' });
  const [layer] = pulled.layers;
  await fixture.runtime.close();
  writeFileSync(fixture.runtime.content.path(other.id), '{"architecture":"damaged"}');
  const database = new DatabaseSync(join(fixture.options.dataDir, 'runtime.db'));
  database.prepare("update record set body = substr(body, 1, 40) where collection = 'containers' and id = ?").run(lost);
  database.prepare("update record set body = '{}' where collection = 'layers' and id = ?").run(layer?.chainId ?? '');
  database.close();
  const runtime = await fixture.reopen();
  expect(reports).toContain('a record could not be read and was set aside');
  expect(reports).toContain('an image is left out: its config cannot be read');
  expect(runtime.images.find('other:1')).toBeUndefined();
  expect(runtime.images.get(busybox).references).toEqual(['docker.io/library/busybox:latest']);
  expect(runtime.containers.list().map((container) => container.id)).toEqual([id]);
  expect((await exec(runtime, id, ['echo', 'fine'])).output).toBe('fine\n');

  // The layer that lost its record is made anew, from a blob that is damaged too and comes from the registry again.
  const blob = runtime.content.path(layer?.digest ?? '');
  const bytes = readFileSync(blob);
  writeFileSync(blob, bytes.fill(0, 1 << 20));
  expect((await runtime.images.pull(reference)).image.id).toBe(pulled.id);
  expect(reports).toContain('a blob no longer matches its digest and was set aside');
  expect(runtime.snapshots.has(layer?.chainId ?? '')).toBe(true);
  expect(await runtime.content.verify(layer?.digest ?? '')).toBe(true);
});

it('a layer blob that is damaged is never handed on: neither saved nor pushed', async () => {
  const { runtime } = await open();
  const image = await runtime.images.import(Readable.from([layerOf('file', randomBytes(2 << 20))]), { reference: 'damaged:1' });
  const registry = await startRegistry();
  cleanup.defer(() => registry.close());
  const digest = image.layers[0]?.digest ?? '';
  const path = runtime.content.path(digest);
  const bytes = readFileSync(path);
  for (const handOn of [
    () => runtime.images.save(['damaged:1']).toArray(),
    () => {
      runtime.images.tag('damaged:1', `${registry.domain}/damaged:1`);
      return runtime.images.push(`${registry.domain}/damaged:1`);
    },
  ]) {
    writeFileSync(path, Buffer.from(bytes).fill(0, 1 << 20));
    await expect(handOn()).rejects.toMatchObject({ code: 'corrupt' });
    expect(runtime.content.stat(digest)).toBeUndefined();
  }
});

it('a container beyond its memory is told of as Docker does: oom, then die, and both in its state', async () => {
  const { runtime } = await open();
  await loadBusybox(runtime);
  const recorded = recordEvents(runtime);
  const cmd = ['sh', '-c', 'x=$(yes | head -c 8000000); x=$x$x$x$x$x$x$x$x'];
  const resources = { memory: 16 << 20, memorySwap: 16 << 20 };
  const { id, exitCode } = await run(runtime, { cmd, hostConfig: { resources } });
  expect(exitCode).toBe(137);
  expect(runtime.containers.get(id).state).toMatchObject({ status: 'exited', oomKilled: true, exitCode: 137 });
  await until('its end is told', () => recorded.events.some(({ action }) => action === 'die'));
  await recorded.stop();
  const actions = recorded.events.filter((event) => event.id === id && event.type === 'container').map(({ action }) => action);
  expect(actions).toEqual(['create', 'start', 'oom', 'die']);
  await runtime.containers.start(id);
  expect(runtime.containers.get(id).state.oomKilled).toBe(false);
});

it('an agent out of file descriptors refuses, goes on, and its containers with it', async () => {
  const fixture = await open();
  const { runtime, options } = fixture;
  await loadBusybox(runtime);
  await runtime.containers.create({ name: 'kept', spec: { image: busybox, cmd: ['sh', '-c', 'echo told; exec sleep 1000'] } });
  await runtime.close();
  const agent = await KillableAgent.start(options, { openFiles: 300 });
  cleanup.defer(async () => {
    await agent.kill();
    await fixture.reopen();
  });
  expect(await agent.call('start', 'kept')).toEqual({ ok: true });
  const followers = Array.from({ length: 400 }, () => agent.call('follow', 'kept'));
  const execs = await Promise.all(Array.from({ length: 400 }, () => agent.call('execCreate', 'kept', ['true'])));
  const started = await Promise.all(execs.map(({ result }) => agent.call('execStart', result)));
  expect(started.some(({ ok }) => !ok)).toBe(true);
  expect(await agent.call('observe')).toMatchObject({ ok: true, result: expect.stringContaining('"kept":"running"') });
  expect(await agent.call('stop', 'kept')).toMatchObject({ ok: true });
  const followed = await Promise.all(followers);
  expect(followed.some(({ ok }) => !ok)).toBe(true);
  expect(followed.every(({ ok, error }) => ok || error?.includes('EMFILE') === true)).toBe(true);
  // What it had open is closed by now: it is as good as new.
  expect(await agent.call('start', 'kept')).toMatchObject({ ok: true });
  expect((await agent.call('execStart', (await agent.call('execCreate', 'kept', ['true'])).result)).ok).toBe(true);
});

it('thousands of dead containers are listed, taken up and pruned, and leave nothing', { timeout: 240_000 }, async () => {
  const count = 2000;
  const fixture = await open();
  await loadBusybox(fixture.runtime);
  const { containers } = fixture.runtime;
  await forEachLimited([...Array(count).keys()], 50, async () => {
    await containers.create({ spec: { image: busybox, cmd: ['true'] } });
  });
  const id = (await run(fixture.runtime, { cmd: ['true'] })).id;
  const runtime = await fixture.reopen();
  expect(runtime.containers.list()).toHaveLength(count + 1);
  expect(runtime.containers.get(id).state.status).toBe('exited');
  expect((await runtime.containers.prune()).removed).toHaveLength(count + 1);
  expect(runtime.containers.list()).toEqual([]);
  const left = ['containers', 'snapshots/active'].flatMap((path) => readdirSync(join(fixture.options.dataDir, path)));
  expect(left).toEqual([]);
  await until('their trees are deleted', () => readdirSync(join(fixture.options.dataDir, 'snapshots/trash')).length === 0);
});
