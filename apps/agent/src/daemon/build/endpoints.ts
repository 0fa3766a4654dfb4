import type { Exchange } from '@gantry/engine-api/http';
import { emitPrune } from '../emit.ts';
import { type Endpoint, on } from '../endpoint.ts';
import type { Engine } from '../engine.ts';
import { buildImage } from './build-image.ts';

/** POST /build/prune. The CLI sends an empty `filters`. */
async function pruneBuilds(engine: Engine, exchange: Exchange): Promise<void> {
  await engine.builder.prune();
  const { reclaimedBytes } = await engine.runtime.collectGarbage();
  emitPrune(engine, 'builder', reclaimedBytes);
  exchange.sendJson(200, { CachesDeleted: null, SpaceReclaimed: reclaimedBytes });
}

export const buildEndpoints: readonly Endpoint[] = [
  on('POST', '/build', buildImage),
  on('POST', '/build/prune', pruneBuilds),
  // A classic build ends with its request; there is nothing else to cancel.
  on('POST', '/build/cancel', (_, exchange) => exchange.sendStatus(204)),
];
