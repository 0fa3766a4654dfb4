import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { ContainerConfigBody } from '@gantry/engine-api/types';
import { applyInstructions } from '@gantry/runtime/build';
import type { CommitRequest } from '@gantry/runtime/containers';
import type { Engine } from '../engine.ts';
import { targetReference } from '../images/reference.ts';
import { getContainer } from '../lookup.ts';
import type { toConfig } from './inspect.ts';

type ImageProcessConfig = NonNullable<CommitRequest['config']>;

/** What a commit's body says about the image; an empty body says nothing. */
function fromBody(body: ContainerConfigBody): ImageProcessConfig {
  return {
    ...(body.User === '' ? {} : { User: body.User }),
    ...(body.Env.length === 0 ? {} : { Env: body.Env }),
    ...(body.Cmd === null ? {} : { Cmd: body.Cmd }),
    ...(body.Entrypoint === null ? {} : { Entrypoint: body.Entrypoint }),
    ...(body.WorkingDir === '' ? {} : { WorkingDir: body.WorkingDir }),
    ...(Object.keys(body.Labels).length === 0 ? {} : { Labels: body.Labels }),
    ...(body.ExposedPorts.length === 0 ? {} : { ExposedPorts: Object.fromEntries(body.ExposedPorts.map((port) => [port, {}])) }),
    ...(body.Volumes.length === 0 ? {} : { Volumes: Object.fromEntries(body.Volumes.map((path) => [path, {}])) }),
    ...(body.StopSignal === '' ? {} : { StopSignal: body.StopSignal }),
  };
}

/** POST /commit */
export async function commitContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const name = exchange.text('container');
  if (name === null) throw new EngineError(400, 'No such container: ');
  const container = getContainer(engine, name);
  const body = await exchange.json(ContainerConfigBody);
  const changes = exchange.query.getAll('changes').flatMap((text) => text.split('\n').filter((line) => line.trim() !== ''));
  const config = { ...containerConfig(container), ...fromBody(body) };
  const image = await engine.runtime.containers.commit(container.id, {
    reference: targetReference(exchange.text('repo'), exchange.text('tag')),
    comment: exchange.text('comment') ?? '',
    author: exchange.text('author') ?? '',
    pause: exchange.boolean('pause', true),
    config: changes.length > 0 ? applyInstructions(config, changes) : config,
    changes,
  });
  exchange.sendJson(201, { Id: image.id });
}

function containerConfig(container: Parameters<typeof toConfig>[0]): ImageProcessConfig {
  const { process } = container;
  const set = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, {}]));
  return {
    User: process.user,
    Env: [...process.env],
    Cmd: [...process.cmd],
    Entrypoint: process.entrypoint.length > 0 ? [...process.entrypoint] : null,
    WorkingDir: process.workingDir,
    Labels: { ...process.labels },
    ...(process.exposedPorts.length > 0 ? { ExposedPorts: set(process.exposedPorts) } : {}),
    ...(process.volumes.length > 0 ? { Volumes: set(process.volumes) } : {}),
    ...(container.spec.stopSignal === '' ? {} : { StopSignal: container.spec.stopSignal }),
  };
}
