import type { Exchange } from '@gantry/engine-api/http';
import { newestApiVersion, oldestApiVersion } from '@gantry/engine-api/protocol';
import { dockerVersion, type Engine } from '../engine.ts';

/** Node's name for the processor as Go, and so Docker, writes it. */
export function goArchitecture(architecture: string): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', x86_64: 'amd64', aarch64: 'arm64', ia32: '386' };
  return names[architecture] ?? architecture;
}

/** GET and HEAD /_ping: the first thing every client asks. */
export function ping(_engine: Engine, exchange: Exchange): void {
  exchange.setHeader('Builder-Version', '1');
  exchange.setHeader('Swarm', 'inactive');
  exchange.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate');
  exchange.setHeader('Pragma', 'no-cache');
  exchange.sendText(200, exchange.request.method === 'HEAD' ? '' : 'OK');
}

/** GET /version */
export function version(engine: Engine, exchange: Exchange): void {
  const { facts } = engine.runtime;
  const { identity } = engine;
  const shared = {
    ApiVersion: newestApiVersion,
    MinAPIVersion: oldestApiVersion,
    GitCommit: identity.commit,
    GoVersion: '',
    Os: 'linux',
    Arch: goArchitecture(facts.architecture),
    KernelVersion: facts.kernel,
  };
  exchange.sendJson(200, {
    Platform: { Name: `Gantry ${identity.version}` },
    Components: [
      { Name: 'Engine', Version: dockerVersion, Details: { ...shared, Experimental: 'false' } },
      { Name: 'gantry', Version: identity.version, Details: { GitCommit: identity.commit } },
      { Name: 'gantry-executor', Version: facts.executorVersion, Details: { GitCommit: identity.commit } },
    ],
    Version: dockerVersion,
    ...shared,
  });
}
