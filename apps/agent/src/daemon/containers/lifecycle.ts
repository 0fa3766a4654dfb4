import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, parseFilters, parseTimestamp } from '@gantry/engine-api/protocol';
import { ContainerUpdateBody } from '@gantry/engine-api/types';
import { hasCode } from '@gantry/platform/errors';
import type { WaitCondition } from '@gantry/runtime/containers';
import { emitPrune } from '../emit.ts';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';
import { checkName, nameConflict } from './create.ts';
import { startFailure } from './start-failure.ts';
import { toResourceChanges } from './to-resources.ts';
import { toRestartPolicy } from './to-spec.ts';

/** `t` and `signal` of stop and restart; signal is honoured from 1.42 on. */
function stopOptions(exchange: Exchange): { timeoutSeconds?: number; signal?: string } {
  const timeoutSeconds = exchange.integer('t');
  const signal = exchange.version.isAtLeast(42) ? exchange.text('signal') : null;
  return { ...(timeoutSeconds === null ? {} : { timeoutSeconds }), ...(signal === null ? {} : { signal }) };
}

export async function startContainer(engine: Engine, exchange: Exchange): Promise<void> {
  // As Docker: what is shorter than any object with a field (`{}`, `null`) is no body.
  if ((await exchange.bytes()).length > 7) {
    throw new EngineError(400, 'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24');
  }
  const container = getContainer(engine, exchange.param('name'));
  try {
    await engine.runtime.containers.start(container.id);
  } catch (cause) {
    throw startFailure(cause);
  }
  exchange.sendStatus(204);
}

export async function stopContainer(engine: Engine, exchange: Exchange): Promise<void> {
  await engine.runtime.containers.stop(getContainer(engine, exchange.param('name')).id, stopOptions(exchange));
  exchange.sendStatus(204);
}

export async function restartContainer(engine: Engine, exchange: Exchange): Promise<void> {
  try {
    await engine.runtime.containers.restart(getContainer(engine, exchange.param('name')).id, stopOptions(exchange));
  } catch (cause) {
    throw startFailure(cause);
  }
  exchange.sendStatus(204);
}

export async function killContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const container = getContainer(engine, exchange.param('name'));
  const signal = exchange.text('signal') ?? '';
  if (!/^(?:\w+(?:[+-]\d+)?)?$/.test(signal)) throw new EngineError(400, `invalid signal: ${signal}`);
  if (container.state.pid === 0) throw new EngineError(409, `cannot kill container: ${exchange.param('name')}: container ${container.id} is not running`);
  await engine.runtime.containers.kill(container.id, signal);
  exchange.sendStatus(204);
}

export async function pauseContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const container = getContainer(engine, exchange.param('name'));
  if (container.state.pid === 0) throw new EngineError(409, `container ${container.id} is not running`);
  if (container.state.status === 'paused') throw new EngineError(409, `container ${container.id} is already paused`);
  await engine.runtime.containers.pause(container.id);
  exchange.sendStatus(204);
}

export async function unpauseContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const container = getContainer(engine, exchange.param('name'));
  if (container.state.status !== 'paused') throw new EngineError(409, `Container ${container.id} is not paused`);
  await engine.runtime.containers.unpause(container.id);
  exchange.sendStatus(204);
}

export async function renameContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const container = getContainer(engine, exchange.param('name'));
  const wanted = exchange.text('name');
  if (wanted === null) throw new EngineError(400, 'Neither old nor new names may be empty');
  const name = checkName(wanted);
  if (name === container.name) throw new EngineError(400, 'Renaming a container with the same name as its current name');
  try {
    await engine.runtime.containers.rename(container.id, name);
  } catch (cause) {
    throw hasCode(cause, 'conflict') ? nameConflict(engine, name, cause) : cause;
  }
  exchange.sendStatus(204);
}

export async function updateContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const container = getContainer(engine, exchange.param('name'));
  const body = await exchange.json(ContainerUpdateBody);
  const resources = toResourceChanges(body, engine.runtime.facts.cpus);
  const restartPolicy = body.RestartPolicy && body.RestartPolicy.Name !== '' ? toRestartPolicy(body.RestartPolicy) : null;
  const { warnings } = await engine.runtime.containers.update(container.id, { resources, ...(restartPolicy === null ? {} : { restartPolicy }) });
  exchange.sendJson(200, { Warnings: warnings });
}

export async function removeContainer(engine: Engine, exchange: Exchange): Promise<void> {
  if (exchange.boolean('link')) throw new EngineError(400, 'legacy container links cannot be removed');
  const container = getContainer(engine, exchange.param('name'));
  const force = exchange.boolean('force');
  if (!force && container.state.pid !== 0) {
    const what = container.state.status === 'paused' ? 'paused container' : 'running container';
    const hint =
      container.state.status === 'paused'
        ? 'Unpause and then stop the container before attempting removal or force remove'
        : 'stop the container before removing or force remove';
    throw new EngineError(409, `cannot remove container "/${container.name}": container is ${what.split(' ')[0]}: ${hint}`);
  }
  await engine.runtime.containers.remove(container.id, { force, removeVolumes: exchange.boolean('v') });
  exchange.sendStatus(204);
}

const waitConditions: Readonly<Record<string, WaitCondition>> = {
  '': 'not-running',
  'not-running': 'not-running',
  'next-exit': 'next-exit',
  removed: 'removed',
};

/** POST /containers/{name}/wait: the headers tell the client that the wait is armed, the body comes with the exit. */
export async function waitContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const wanted = exchange.text('condition') ?? '';
  const condition = waitConditions[wanted];
  if (condition === undefined) throw new EngineError(400, `invalid condition: "${wanted}"`);
  const container = getContainer(engine, exchange.param('name'));
  const waiting = engine.runtime.containers.wait(container.id, condition, { signal: exchange.signal });
  const body = exchange.startStream('application/json');
  try {
    const { exitCode, error } = await waiting;
    body.end(`${JSON.stringify({ Error: error === null ? null : { Message: error }, StatusCode: exitCode })}\n`);
  } catch (error) {
    if (exchange.signal.aborted) return;
    throw error;
  }
}

/** POST /containers/prune */
export async function pruneContainers(engine: Engine, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.text('filters'), ['label', 'label!', 'until']);
  const [until] = filters.get('until');
  const limit = until === undefined ? null : parseTimestamp(until, Date.now());
  if (until !== undefined && limit === null) throw new EngineError(400, `invalid filter 'until=${until}'`);
  const { removed, reclaimedBytes } = await engine.runtime.containers.prune({
    matches: ({ process, createdAt }) =>
      filters.matchesLabels(process.labels) &&
      (!filters.has('label!') || !filters.matchesLabels(process.labels, 'label!')) &&
      (limit === null || BigInt(Date.parse(createdAt)) * 1_000_000n < limit),
  });
  emitPrune(engine, 'container', reclaimedBytes);
  exchange.sendJson(200, { ContainersDeleted: removed.length > 0 ? removed : null, SpaceReclaimed: reclaimedBytes });
}
