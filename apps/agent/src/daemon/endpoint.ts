import type { EngineRoute, Exchange, Method } from '@gantry/engine-api/http';
import type { Engine } from './engine.ts';

/** One line of the table of what the engine answers. */
export interface Endpoint {
  readonly method: Method;
  readonly pattern: string;
  readonly handle: (engine: Engine, exchange: Exchange) => Promise<void> | void;
}

/** Writes such a table: `on('GET', '/containers/json', listContainers)`. */
export function on(method: Method, pattern: string, handle: Endpoint['handle']): Endpoint {
  return { method, pattern, handle };
}

export function toRoutes(endpoints: readonly Endpoint[], engine: Engine): EngineRoute[] {
  return endpoints.map(({ method, pattern, handle }) => ({ method, pattern, handle: (exchange) => handle(engine, exchange) }));
}
