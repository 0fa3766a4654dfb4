import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { ContainerCreateBody } from '@gantry/engine-api/types';
import { hasCode } from '@gantry/platform/errors';
import type { Engine } from '../engine.ts';
import { requirePlatform, wantedPlatform } from '../images/platform.ts';
import { getImage } from '../lookup.ts';
import { toContainerSpec } from './to-spec.ts';

const namePattern = /^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

function takenBy(engine: Engine, name: string): string | null {
  const holder = engine.runtime.containers.list().find((container) => container.name === name);
  return holder?.id ?? null;
}

/** Docker's sentence, which compose and testcontainers look for. */
export function nameConflict(engine: Engine, name: string, cause?: unknown): EngineError {
  return new EngineError(
    409,
    `Conflict. The container name "/${name}" is already in use by container "${takenBy(engine, name) ?? ''}". You have to remove (or rename) that container to be able to reuse that name.`,
    { cause },
  );
}

export function checkName(name: string): string {
  if (!namePattern.test(name)) throw new EngineError(400, `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  return name.replace(/^\//, '');
}

/** POST /containers/create */
export async function createContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const wantedName = exchange.text('name');
  const name = wantedName === null ? null : checkName(wantedName);
  const body = await exchange.json(ContainerCreateBody);
  if (body.Image === '') throw new EngineError(400, 'config cannot be empty in order to create a container: no image specified');
  const spec = toContainerSpec(body, { version: exchange.version, platform: exchange.text('platform') ?? '', cpus: engine.runtime.facts.cpus });
  requirePlatform(getImage(engine, spec.image), wantedPlatform(exchange), spec.image);
  if (name !== null && takenBy(engine, name) !== null) throw nameConflict(engine, name);
  try {
    const { container, warnings } = await engine.runtime.containers.create({ spec, ...(name === null ? {} : { name }) });
    exchange.sendJson(201, { Id: container.id, Warnings: warnings });
  } catch (cause) {
    if (name !== null && hasCode(cause, 'conflict') && takenBy(engine, name) !== null) throw nameConflict(engine, name, cause);
    throw cause;
  }
}
