import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, parseFilters } from '@gantry/engine-api/protocol';
import { goBoolean, goInteger, goString } from '@gantry/engine-api/types';
import { hostPlatform, type Platform, parseManifest } from '@gantry/oci/manifest';
import { defaultDomain, parseReference, withDefaultTag } from '@gantry/oci/reference';
import { isLoopback, openRegistry, type RegistryClient } from '@gantry/oci/registry';
import { describeError, hasCode } from '@gantry/platform/errors';
import type { RegistryCredentials } from '@gantry/runtime/images';
import { z } from 'zod';
import type { Engine } from '../engine.ts';
import { AuthConfig, registryCredentials, toCredentials } from '../images/credentials.ts';

function connect(engine: Engine, domain: string, path: string, credentials: RegistryCredentials): RegistryClient {
  const isInsecure = isLoopback(domain) || engine.insecureRegistries.includes(domain);
  return openRegistry({ domain, path, credentials: Object.keys(credentials).length > 0 ? credentials : null, isInsecure, actions: 'pull' });
}

/** `https://index.docker.io/v1/`, `ghcr.io`, `http://127.0.0.1:5000` */
function toDomain(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return ['', 'index.docker.io', 'registry-1.docker.io'].includes(host) ? defaultDomain : host;
}

/** POST /auth: says whether a registry takes the credentials; nothing is kept. */
export async function logIn(engine: Engine, exchange: Exchange): Promise<void> {
  const config = await exchange.json(AuthConfig);
  const address = config.serveraddress ?? '';
  const domain = toDomain(address);
  try {
    await connect(engine, domain, 'login', toCredentials(config)).checkAccess(exchange.signal);
  } catch (cause) {
    throw refused(domain, cause);
  }
  exchange.sendJson(200, { Status: 'Login Succeeded', IdentityToken: '' });
}

/** A registry that cannot be asked is no fault of this engine. */
function refused(domain: string, cause: unknown): EngineError {
  const isRefused = hasCode(cause, 'unauthorized') || hasCode(cause, 'forbidden');
  return new EngineError(isRefused ? 401 : 503, `Get "https://${domain}/v2/": ${isRefused ? 'unauthorized: ' : ''}${describeError(cause)}`, { cause });
}

function describePlatform(platform: Platform): Record<string, string> {
  return { architecture: platform.architecture, os: platform.os, ...(platform.variant ? { variant: platform.variant } : {}) };
}

/** GET /distribution/{name}/json: what a reference points to in its registry. */
export async function inspectDistribution(engine: Engine, exchange: Exchange): Promise<void> {
  const reference = withDefaultTag(parseReference(exchange.param('name')));
  const registry = connect(engine, reference.domain, reference.path, registryCredentials(exchange.header('x-registry-auth')));
  const { bytes, mediaType, digest } = await registry.getManifest(reference.digest ?? reference.tag ?? 'latest', exchange.signal).catch((cause: unknown) => {
    throw hasCode(cause, 'failed') ? new EngineError(503, describeError(cause), { cause }) : cause;
  });
  const parsed = parseManifest(bytes, mediaType);
  const named = parsed.kind === 'index' ? parsed.index.manifests.flatMap((manifest) => manifest.platform ?? []) : [];
  const platforms = parsed.kind === 'index' ? named : [hostPlatform()];
  exchange.sendJson(200, {
    Descriptor: { mediaType: mediaType ?? '', digest, size: bytes.length },
    Platforms: platforms.map(describePlatform),
  });
}

const SearchAnswer = z.object({
  results: z.array(
    z.object({
      name: goString,
      description: goString,
      star_count: goInteger,
      is_official: goBoolean,
      is_automated: goBoolean,
    }),
  ),
});
const searchTimeoutMs = 20_000;
const maxSearchBytes = 4 << 20;

/** `nginx` is looked for on Docker Hub, `registry.example/nginx` where it says. */
function searchUrl(engine: Engine, term: string, limit: number): URL {
  const match = /^([^/]*[.:][^/]*|localhost)\/(.+)$/.exec(term);
  const domain = match?.[1] ?? 'index.docker.io';
  const isInsecure = isLoopback(domain) || engine.insecureRegistries.includes(domain);
  const base = `${isInsecure ? 'http' : 'https'}://${domain}/v1/search`;
  if (!URL.canParse(base)) throw new EngineError(400, `invalid registry ${JSON.stringify(domain.slice(0, 100))} in the term`);
  const url = new URL(base);
  url.search = new URLSearchParams({ q: match?.[2] ?? term, n: String(limit) }).toString();
  return url;
}

async function askForImages(url: URL, signal: AbortSignal): Promise<z.infer<typeof SearchAnswer>['results']> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(searchTimeoutMs)]), headers: { accept: 'application/json' } });
    if (!response.ok) throw new EngineError(503, `${url.host} does not search: it answers with status ${response.status}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > maxSearchBytes) throw new EngineError(503, `${url.host} answers with more than ${maxSearchBytes} bytes`);
      parts.push(part);
    }
    return SearchAnswer.parse(JSON.parse(Buffer.concat(parts).toString('utf8'))).results;
  } catch (cause) {
    throw cause instanceof EngineError ? cause : new EngineError(503, `search on ${url.host}: ${describeError(cause)}`, { cause });
  }
}

/** GET /images/search: version 1 of the registry protocol, which Docker Hub and few others still speak for this. */
export async function searchImages(engine: Engine, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.text('filters'), ['is-automated', 'is-official', 'stars']);
  const term = exchange.text('term');
  if (term === null) throw new EngineError(400, 'term is required');
  const limit = exchange.integer('limit') ?? 25;
  if (limit < 1 || limit > 100) throw new EngineError(400, `limit ${limit} is outside the range of [1, 100]`);
  const [stars = '0'] = filters.get('stars');
  if (!/^\d{1,9}$/.test(stars)) throw new EngineError(400, `invalid filter 'stars=${stars}'`);
  const official = filters.has('is-official') ? filters.boolean('is-official', false) : null;
  const automated = filters.has('is-automated') ? filters.boolean('is-automated', false) : null;
  const found = await askForImages(searchUrl(engine, term, limit), exchange.signal);
  exchange.sendJson(
    200,
    found.filter(
      (image) =>
        image.star_count >= Number(stars) && (official === null || image.is_official === official) && (automated === null || image.is_automated === automated),
    ),
  );
}
