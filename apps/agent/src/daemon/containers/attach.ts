import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { outputContentType } from '@gantry/engine-api/shapes';
import { parseDetachKeys } from '@gantry/engine-api/stream';
import { emitContainerEvent } from '../emit.ts';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';
import { pumpProcess, writeChunk } from './process-pump.ts';

/** POST /containers/{name}/attach */
export async function attachContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const detachKeys = parseDetachKeys(exchange.text('detachKeys'));
  const container = getContainer(engine, exchange.param('name'));
  if (container.state.status === 'paused') throw new EngineError(409, `container ${exchange.param('name')} is paused, unpause the container before attach`);
  if (container.state.status === 'restarting')
    throw new EngineError(409, `container ${exchange.param('name')} is restarting, wait until the container is running`);
  const wantsStream = exchange.boolean('stream');
  const streams = { stdout: exchange.boolean('stdout'), stderr: exchange.boolean('stderr') };
  const wantsStdin = exchange.boolean('stdin') && container.spec.openStdin;
  // Asked for before the client learns that it is attached: what it does next may be the start.
  const attaching = wantsStream ? engine.runtime.containers.attach(container.id, { ...streams, stdin: wantsStdin, signal: exchange.signal }) : null;
  attaching?.catch(() => undefined);
  const { tty } = container.spec;
  const { input, output } = exchange.hijack(exchange.upgrade ? outputContentType(exchange.version, tty) : 'application/vnd.docker.raw-stream');
  emitContainerEvent(engine, container, 'attach');
  if (exchange.boolean('logs')) {
    for await (const entry of engine.runtime.containers.logs(container.id, streams)) await writeChunk(output, entry, !tty);
  }
  if (attaching === null) {
    output.end();
    return;
  }
  try {
    const process = await attaching;
    const outcome = await pumpProcess({
      process,
      input,
      output,
      isMultiplexed: !tty,
      detachKeys: tty && wantsStdin ? detachKeys : null,
      signal: exchange.signal,
    });
    if (outcome === 'detached') emitContainerEvent(engine, container, 'detach');
  } catch (error) {
    if (!exchange.signal.aborted) engine.log.warn({ err: error, containerId: container.id }, 'attached stream broke');
    output.destroy();
  }
}

/** POST /containers/{name}/resize and the exec's: sizes are whole numbers of characters. */
export function terminalSize(exchange: Exchange): { height: number; width: number } {
  const size = (name: string) => {
    const text = exchange.query.get(name) ?? '';
    if (!/^\d{1,10}$/.test(text)) throw new EngineError(400, `invalid resize height or width: strconv.ParseUint: parsing "${text}": invalid syntax`);
    return Math.min(Number(text), 65535);
  };
  return { height: size('h'), width: size('w') };
}

export async function resizeContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const size = terminalSize(exchange);
  const container = getContainer(engine, exchange.param('name'));
  if (container.state.pid === 0) throw new EngineError(409, `container ${container.id} is not running`);
  await engine.runtime.containers.resize(container.id, size);
  emitContainerEvent(engine, container, 'resize', { height: String(size.height), width: String(size.width) });
  exchange.sendStatus(200);
}
