import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { emitContainerEvent } from '../emit.ts';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';

/** GET /containers/{name}/top */
export async function containerTop(engine: Engine, exchange: Exchange): Promise<void> {
  const container = getContainer(engine, exchange.param('name'));
  if (container.state.pid === 0) throw new EngineError(409, `container ${container.id} is not running`);
  const { titles, processes } = await engine.runtime.containers.top(container.id, exchange.text('ps_args') ?? '');
  emitContainerEvent(engine, container, 'top');
  exchange.sendJson(200, { Titles: titles, Processes: processes });
}
