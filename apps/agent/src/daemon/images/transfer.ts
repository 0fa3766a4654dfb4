import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Exchange } from '@gantry/engine-api/http';
import { badRequest, EngineError } from '@gantry/engine-api/protocol';
import { formatPlatform } from '@gantry/oci/manifest';
import { familiarReference, parseReference, repositoryOf, withDefaultTag } from '@gantry/oci/reference';
import { describeError, hasCode } from '@gantry/platform/errors';
import { applyInstructions } from '@gantry/runtime/build';
import type { Engine } from '../engine.ts';
import { getImage } from '../lookup.ts';
import { registryCredentials } from './credentials.ts';
import { requirePlatform, wantedPlatform } from './platform.ts';
import { type ProgressStream, withProgress } from './progress.ts';
import { targetReference } from './reference.ts';

async function pull(engine: Engine, exchange: Exchange, reference: string): Promise<void> {
  const parsed = withDefaultTag(parseReference(reference));
  const familiar = familiarReference(reference);
  const credentials = registryCredentials(exchange.header('x-registry-auth'));
  const platform = wantedPlatform(exchange);
  await withProgress(exchange, async (progress) => {
    if (parsed.tag !== null) progress.announce({ status: `Pulling from ${familiarReference(repositoryOf(parsed))}`, id: parsed.tag });
    else progress.announce({ status: `${familiar}: Pulling from ${familiarReference(repositoryOf(parsed))}` });
    const { digest, isNew } = await engine.runtime.images.pull(reference, {
      credentials,
      signal: exchange.signal,
      onProgress: (layer) => progress.layer(layer),
      ...(platform === null ? {} : { platform: formatPlatform(platform) }),
    });
    progress.write({ status: `Digest: ${digest}` });
    progress.write({ status: isNew ? `Status: Downloaded newer image for ${familiar}` : `Status: Image is up to date for ${familiar}` });
  });
}

/** An archive that cannot be read came from the client. */
async function readable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw hasCode(cause, 'corrupt') ? badRequest(describeError(cause), { cause }) : cause;
  }
}

/** The tar in the body (`-`), or the one at an address, asked for in the client's stead. */
async function importSource(exchange: Exchange, source: string): Promise<Readable> {
  if (source === '-') return exchange.body();
  const address = /^https?:/.test(source) ? source : `http://${source}`;
  if (!URL.canParse(address)) throw new EngineError(400, `invalid fromSrc ${JSON.stringify(source.slice(0, 200))}: it is neither "-" nor an address`);
  const response = await fetch(address, { signal: exchange.signal }).catch((cause: unknown) => {
    throw new EngineError(503, `get ${source.slice(0, 200)}: ${describeError(cause)}`, { cause });
  });
  if (!response.ok || response.body === null) throw new EngineError(400, `get ${source.slice(0, 200)}: status ${response.status}`);
  return Readable.fromWeb(response.body);
}

async function importTar(engine: Engine, exchange: Exchange, source: string): Promise<void> {
  const changes = exchange.query.getAll('changes').filter((line) => line !== '');
  const reference = targetReference(exchange.text('repo'), exchange.text('tag'));
  const config = applyInstructions({}, changes);
  await withProgress(exchange, async (progress) => {
    const image = await readable(
      engine.runtime.images.import(await importSource(exchange, source), {
        reference,
        config,
        message: exchange.text('message') ?? `Imported from ${source}`,
        signal: exchange.signal,
      }),
    );
    progress.write({ status: image.id });
  });
}

/** POST /images/create: pull (fromImage) or import (fromSrc) */
export async function createImage(engine: Engine, exchange: Exchange): Promise<void> {
  const fromImage = exchange.text('fromImage');
  if (fromImage === null) {
    const source = exchange.text('fromSrc');
    if (source === null) throw new EngineError(400, 'invalid reference format');
    await importTar(engine, exchange, source);
    return;
  }
  const reference = targetReference(fromImage, exchange.text('tag'));
  if (reference === null) throw new EngineError(400, 'invalid reference format');
  await pull(engine, exchange, reference);
}

/** POST /images/{name}/push */
export async function pushImage(engine: Engine, exchange: Exchange): Promise<void> {
  const reference = targetReference(exchange.param('name'), exchange.text('tag')) ?? '';
  const parsed = parseReference(reference);
  const repository = familiarReference(repositoryOf(parsed));
  const image = engine.runtime.images.find(reference);
  const credentials = registryCredentials(exchange.header('x-registry-auth'));
  await withProgress(exchange, async (progress) => {
    progress.write({ status: `The push refers to repository [${repositoryOf(parsed)}]` });
    if (image === undefined) throw new EngineError(404, `An image does not exist locally with the tag: ${repository}`);
    const { digest, sizeBytes, tag } = await engine.runtime.images.push(reference, {
      credentials,
      signal: exchange.signal,
      onProgress: (layer) => progress.layer(layer),
    });
    progress.write({ status: `${tag}: digest: ${digest} size: ${sizeBytes}` });
    progress.write({ aux: { Tag: tag, Digest: digest, Size: sizeBytes } });
  });
}

/** POST /images/load */
export async function loadImages(engine: Engine, exchange: Exchange): Promise<void> {
  const isQuiet = exchange.boolean('quiet', true);
  await withProgress(exchange, async (progress: ProgressStream) => {
    const loaded = await readable(
      engine.runtime.images.load(exchange.body(), {
        signal: exchange.signal,
        ...(isQuiet ? {} : { onProgress: (layer) => progress.layer(layer) }),
      }),
    );
    for (const { image, references } of loaded) {
      for (const reference of references) progress.write({ stream: `Loaded image: ${familiarReference(reference)}\n` });
      if (references.length === 0) progress.write({ stream: `Loaded image ID: ${image.id}\n` });
    }
  });
}

/** GET /images/get and /images/{name}/get */
export async function saveImages(engine: Engine, exchange: Exchange, names: readonly string[]): Promise<void> {
  if (names.length === 0) throw new EngineError(400, 'no image names given');
  const wanted = wantedPlatform(exchange);
  for (const name of names) requirePlatform(getImage(engine, name), wanted, name);
  await pipeline(engine.runtime.images.save(names), exchange.startStream('application/x-tar'));
}
