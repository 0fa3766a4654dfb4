import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openRuntimeFixture, type RuntimeFixture, until } from './fixture.suite.ts';
import { layerOf, type Misbehaviour, makeImage, type Script, serveImage, startOf } from './scripted-registry.suite.ts';

let fixture: RuntimeFixture;
let cleanup = new AsyncDisposableStack();
beforeAll(async () => {
  fixture = await openRuntimeFixture({ registryIdleMs: 300 });
});
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});
afterAll(() => fixture.close());

const serve = (script: Script, image = makeImage([layerOf('data', randomBytes(1 << 20))])) => serveImage(image, script, cleanup);
const pull = (reference: string, signal?: AbortSignal) => fixture.runtime.images.pull(reference, signal === undefined ? {} : { signal });
const isLayer = (bytes: Buffer) => bytes.length > 1 << 20;
const once = (misbehave: Misbehaviour): Misbehaviour => {
  let isDone = false;
  return (...exchange) => {
    if (isDone) return false;
    const isBad = misbehave(...exchange);
    isDone = isBad;
    return isBad;
  };
};

/** No layer, finished or not, and no image. */
async function expectNothing(): Promise<void> {
  const layers = () => readdirSync(join(fixture.options.dataDir, 'snapshots/layers'));
  await until('nothing of a layer is left', () => layers().length === 0);
  expect(fixture.runtime.images.list()).toEqual([]);
}

const silence: Misbehaviour = () => true;
const silentHalfway: Misbehaviour = (bytes, request, response) => {
  if (!isLayer(bytes)) return false;
  const start = startOf(request);
  response.writeHead(start > 0 ? 206 : 200, start > 0 ? { 'content-range': `bytes ${start}-/${bytes.length}` } : {});
  response.write(bytes.subarray(start, start + 100_000));
  return true;
};
const reset: Misbehaviour = (_bytes, _request, response) => {
  response.socket?.resetAndDestroy();
  return true;
};

describe('a registry that stalls is given up', () => {
  it.each<[string, Script]>([
    ['before it tells of the image', { manifest: silence }],
    ['before it sends a blob', { blobs: silence }],
    ['in the middle of a layer', { blobs: silentHalfway }],
  ])('%s', async (_when, script) => {
    let asked = 0;
    const counted =
      (misbehave: Misbehaviour = () => false): Misbehaviour =>
      (...exchange) => {
        asked++;
        return misbehave(...exchange);
      };
    await expect(pull(await serve({ manifest: counted(script.manifest), blobs: counted(script.blobs) }))).rejects.toMatchObject({ code: 'timeout' });
    expect(asked).toBeLessThan(30);
    await expectNothing();
  });

  it('and taken up again where it fell silent', async () => {
    const image = makeImage([layerOf('data', randomBytes(1 << 20))]);
    const { image: pulled } = await pull(await serve({ manifest: once(silence), blobs: once(silentHalfway) }, image));
    expect(pulled.layers).toHaveLength(1);
    await fixture.runtime.images.remove(pulled.id);
  });
});

it('a registry that trickles holds up nobody else, and is left at once', async () => {
  const trickling = Promise.withResolvers<void>();
  const slow = await serve({
    blobs: (bytes, _request, response) => {
      if (!isLayer(bytes)) return false;
      let sent = 0;
      const timer = setInterval(() => {
        response.write(bytes.subarray(sent, ++sent));
        if (sent === 20) trickling.resolve();
      }, 10);
      response.once('close', () => clearInterval(timer));
      return true;
    },
  });
  const giveUp = new AbortController();
  const pulling = pull(slow, giveUp.signal);
  pulling.catch(() => undefined);
  await trickling.promise;
  const { image } = await pull(await serve({}));
  await fixture.runtime.images.remove(image.id);
  giveUp.abort();
  await expect(pulling).rejects.toMatchObject({ code: 'cancelled' });
  await expectNothing();
});

describe('a registry that resets connections', () => {
  it('is asked again', async () => {
    const { image } = await pull(await serve({ manifest: once(reset), blobs: once(reset) }));
    await fixture.runtime.images.remove(image.id);
  });

  it('is asked so often and no more', async () => {
    let asked = 0;
    const reference = await serve({
      blobs: (...exchange) => {
        asked++;
        return reset(...exchange);
      },
    });
    await expect(pull(reference)).rejects.toMatchObject({ kind: 'operational' });
    expect(asked).toBeLessThan(30);
    await expectNothing();
  });
});

describe('a registry that lies gets nothing in', () => {
  const image = makeImage([layerOf('data', randomBytes(1 << 20))]);
  const other = makeImage([layerOf('data', 'other')]);
  const otherConfig: Misbehaviour = (bytes, _request, response) => {
    if (!isLayer(bytes)) response.end([...other.blobs.values()][0]);
    return !isLayer(bytes);
  };
  const manifestOf =
    (bytes: Buffer): Misbehaviour =>
    (_bytes, request, response) => {
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' });
      response.end(request.method === 'HEAD' ? '' : bytes);
      return true;
    };
  const resized = (by: number) => {
    const manifest = JSON.parse(image.manifest.toString());
    manifest.layers[0].size += by;
    return Buffer.from(JSON.stringify(manifest));
  };
  const withLength =
    (length: (bytes: Buffer) => number): Misbehaviour =>
    (bytes, _request, response) => {
      if (!isLayer(bytes)) return false;
      response.writeHead(200, { 'content-length': length(bytes) });
      response.end(bytes.subarray(0, length(bytes)));
      return true;
    };
  it.each<[string, Script, string]>([
    [
      'about the digest of a manifest',
      {
        manifest: (_bytes, request, response) => {
          response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json', 'docker-content-digest': `sha256:${'a'.repeat(64)}` });
          response.end(request.method === 'HEAD' ? '' : image.manifest);
          return true;
        },
      },
      'digest-mismatch',
    ],
    ['with a manifest without end', { manifest: manifestOf(Buffer.alloc(32 << 20, ' ')) }, 'too-large'],
    ['with a manifest that is none', { manifest: manifestOf(Buffer.from('{"schemaVersion":2,"layers":"many"}')) }, 'corrupt'],
    ['about the bytes of a config', { blobs: otherConfig }, 'digest-mismatch'],
    ['that a layer is longer than it is', { manifest: manifestOf(resized(+10)) }, 'unavailable'],
    ['that a layer is shorter than it is', { manifest: manifestOf(resized(-10)) }, 'digest-mismatch'],
    ['by ending early, as announced', { blobs: withLength((bytes) => bytes.length - 1) }, 'unavailable'],
  ])('%s', async (_about, script, code) => {
    await expect(pull(await serve(script, image))).rejects.toMatchObject({ code });
    await expectNothing();
    await fixture.runtime.collectGarbage();
  });
});
