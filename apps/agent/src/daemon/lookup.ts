import { EngineError } from '@gantry/engine-api/protocol';
import { familiarReference, formatReference, parseReference, withDefaultTag } from '@gantry/oci/reference';
import { hasCode } from '@gantry/platform/errors';
import type { Container, Exec } from '@gantry/runtime/containers';
import type { Image } from '@gantry/runtime/images';
import type { Network } from '@gantry/runtime/networks';
import type { Volume } from '@gantry/runtime/volumes';
import type { Engine } from './engine.ts';

/** Clients tell "no such container" from other 404s by these words. */
export function getContainer(engine: Engine, name: string): Container {
  const container = engine.runtime.containers.find(name.startsWith('/') ? name.slice(1) : name);
  if (container === undefined) throw new EngineError(404, `No such container: ${name}`);
  return container;
}

export function getExec(engine: Engine, id: string): Exec {
  try {
    return engine.runtime.containers.execGet(id);
  } catch (cause) {
    if (hasCode(cause, 'not-found')) throw noSuch(`No such exec instance: ${id}`, cause);
    throw cause;
  }
}

/** What Docker prints of a reference it could not find: with its tag, familiar. */
export function describeReference(reference: string): string {
  try {
    return familiarReference(formatReference(withDefaultTag(parseReference(reference))));
  } catch (error) {
    if (hasCode(error, 'invalid')) return reference;
    throw error;
  }
}

export function getImage(engine: Engine, reference: string): Image {
  const image = engine.runtime.images.find(reference);
  if (image === undefined) throw new EngineError(404, `No such image: ${describeReference(reference)}`);
  return image;
}

export function getNetwork(engine: Engine, reference: string): Network {
  const network = engine.runtime.networks.find(reference);
  if (network === undefined) throw new EngineError(404, `network ${reference} not found`);
  return network;
}

export function getVolume(engine: Engine, name: string): Volume {
  const volume = engine.runtime.volumes.find(name);
  if (volume === undefined) throw new EngineError(404, `get ${name}: no such volume`);
  return volume;
}

function noSuch(message: string, cause: unknown): EngineError {
  return new EngineError(404, message, { cause });
}
