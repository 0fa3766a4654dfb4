import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, parseFilters } from '@gantry/engine-api/protocol';
import { hostPlatform, type Platform, parseManifest } from '@gantry/oci/manifest';
import { defaultDomain, parseReference, withDefaultTag } from '@gantry/oci/reference';
import { isLoopback, openRegistry, type RegistryClient } from '@gantry/oci/registry';
import { describeError, hasCode } from '@gantry/platform/errors';
import type { RegistryCredentials } from '@gantry/runtime/images';
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

function refused(domain: string, cause: unknown): EngineError {
  const isRefused = hasCode(cause, 'unauthorized') || hasCode(cause, 'forbidden');
  return new EngineError(isRefused ? 401 : 500, `Get "https://${domain}/v2/": ${isRefused ? 'unauthorized: ' : ''}${describeError(cause)}`, { cause });
}

function describePlatform(platform: Platform): Record<string, string> {
  return { architecture: platform.architecture, os: platform.os, ...(platform.variant ? { variant: platform.variant } : {}) };
}

/** GET /distribution/{name}/json: what a reference points to in its registry. */
export async function inspectDistribution(engine: Engine, exchange: Exchange): Promise<void> {
  const reference = withDefaultTag(parseReference(exchange.param('name')));
  const registry = connect(engine, reference.domain, reference.path, registryCredentials(exchange.header('x-registry-auth')));
  const { bytes, mediaType, digest } = await registry.getManifest(reference.digest ?? reference.tag ?? 'latest', exchange.signal);
  const parsed = parseManifest(bytes, mediaType);
  const named = parsed.kind === 'index' ? parsed.index.manifests.flatMap((manifest) => manifest.platform ?? []) : [];
  const platforms = parsed.kind === 'index' ? named : [hostPlatform()];
  exchange.sendJson(200, {
    Descriptor: { mediaType: mediaType ?? '', digest, size: bytes.length },
    Platforms: platforms.map(describePlatform),
  });
}

/** GET /images/search: Docker Hub's own index is the only registry that can search. */
export function searchImages(_engine: Engine, exchange: Exchange): void {
  parseFilters(exchange.text('filters'), ['is-automated', 'is-official', 'stars']);
  if (exchange.text('term') === null) throw new EngineError(400, 'term is required');
  throw new EngineError(501, 'searching a registry is not supported');
}
