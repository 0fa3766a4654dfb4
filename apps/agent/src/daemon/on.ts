import type { EngineRoute, Exchange, Method } from '@gantry/engine-api/http';
import type { Engine } from './engine.ts';

export type Endpoint = (engine: Engine, exchange: Exchange) => Promise<void> | void;

/** Writes a table of routes: `on('GET', '/containers/json', listContainers)`. */
export function routesOf(engine: Engine): (method: Method, pattern: string, endpoint: Endpoint) => EngineRoute {
  return (method, pattern, endpoint) => ({ method, pattern, handle: (exchange) => endpoint(engine, exchange) });
}
