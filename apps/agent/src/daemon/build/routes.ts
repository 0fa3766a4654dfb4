import type { EngineRoute, Exchange } from '@gantry/engine-api/http';
import type { Builder } from '@gantry/runtime/build';
import type { Engine } from '../engine.ts';
import { buildImage } from './build-image.ts';

/** POST /build/prune. The CLI sends an empty `filters`. */
async function pruneBuilds(engine: Engine, builder: Builder, exchange: Exchange): Promise<void> {
  await builder.prune();
  const { reclaimedBytes } = await engine.runtime.collectGarbage();
  exchange.sendJson(200, { CachesDeleted: null, SpaceReclaimed: reclaimedBytes });
}

export function buildRoutes(engine: Engine, builder: Builder): EngineRoute[] {
  return [
    { method: 'POST', pattern: '/build', handle: (exchange) => buildImage(builder, exchange) },
    { method: 'POST', pattern: '/build/prune', handle: (exchange) => pruneBuilds(engine, builder, exchange) },
    // A classic build ends with its request; there is nothing else to cancel.
    { method: 'POST', pattern: '/build/cancel', handle: (exchange) => exchange.sendStatus(204) },
  ];
}
