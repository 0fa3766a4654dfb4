import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, matchesName, parseFilters } from '@gantry/engine-api/protocol';
import { VolumeCreateBody, type VolumeInspect } from '@gantry/engine-api/types';
import { hasCode } from '@gantry/platform/errors';
import type { Volume } from '@gantry/runtime/volumes';
import { emitPrune } from '../emit.ts';
import { type Endpoint, on } from '../endpoint.ts';
import type { Engine } from '../engine.ts';
import { getVolume } from '../lookup.ts';

export function toVolumeInspect(volume: Volume): VolumeInspect {
  const { labels, options } = volume;
  return {
    CreatedAt: volume.createdAt,
    Driver: volume.driver,
    Labels: Object.keys(labels).length > 0 ? labels : null,
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: Object.keys(options).length > 0 ? options : null,
    Scope: 'local',
  };
}

export function volumeUsers(engine: Engine, volume: Volume): string[] {
  const users = engine.runtime.containers.list().filter((container) => container.mounts.some((mount) => mount.type === 'volume' && mount.name === volume.name));
  return users.map((container) => container.id);
}

function listVolumes(engine: Engine, exchange: Exchange): void {
  const filters = parseFilters(exchange.text('filters'), ['dangling', 'driver', 'label', 'name']);
  const dangling = filters.has('dangling') ? filters.boolean('dangling', false) : null;
  const volumes = engine.runtime.volumes
    .list()
    .filter(
      (volume) =>
        filters.some('name', (name) => matchesName(volume.name, name)) &&
        filters.some('driver', (driver) => driver === volume.driver) &&
        filters.matchesLabels(volume.labels) &&
        (dangling === null || (volumeUsers(engine, volume).length === 0) === dangling),
    );
  exchange.sendJson(200, { Volumes: volumes.map(toVolumeInspect), Warnings: null });
}

async function createVolume(engine: Engine, exchange: Exchange): Promise<void> {
  const body = await exchange.json(VolumeCreateBody);
  if (body.Driver !== '' && body.Driver !== 'local')
    throw new EngineError(404, `create ${body.Name}: Error looking up volume plugin ${body.Driver}: plugin "${body.Driver}" not found`);
  if (body.Name.length === 1) throw new EngineError(400, 'volume name is too short, names should be at least two alphanumeric characters');
  if (body.Name !== '' && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(body.Name)) {
    throw new EngineError(
      400,
      `create ${body.Name}: "${body.Name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  const volume = await engine.runtime.volumes.create({
    ...(body.Name === '' ? {} : { name: body.Name }),
    driver: 'local',
    options: body.DriverOpts,
    labels: body.Labels,
  });
  exchange.sendJson(201, toVolumeInspect(volume));
}

async function removeVolume(engine: Engine, exchange: Exchange): Promise<void> {
  const name = exchange.param('name');
  const force = exchange.boolean('force');
  const volume = engine.runtime.volumes.find(name);
  if (volume === undefined && !force) throw new EngineError(404, `get ${name}: no such volume`);
  try {
    if (volume !== undefined) await engine.runtime.volumes.remove(volume.name, { force });
  } catch (cause) {
    if (volume === undefined || !hasCode(cause, 'conflict')) throw cause;
    throw volumeInUse(engine, volume, cause);
  }
  exchange.sendStatus(204);
}

function volumeInUse(engine: Engine, volume: Volume, cause: unknown): EngineError {
  return new EngineError(409, `remove ${volume.name}: volume is in use - [${volumeUsers(engine, volume).join(', ')}]`, { cause });
}

/** Data goes only when asked for: named volumes need `all=true`, which clients before 1.42 could not say and always meant. */
async function pruneVolumes(engine: Engine, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.text('filters'), ['all', 'label', 'label!']);
  const includesNamed = exchange.version.isAtLeast(42) ? filters.boolean('all', false) : true;
  const { removed, reclaimedBytes } = await engine.runtime.volumes.prune({
    matches: (volume) =>
      (includesNamed || volume.isAnonymous) &&
      volumeUsers(engine, volume).length === 0 &&
      filters.matchesLabels(volume.labels) &&
      (!filters.has('label!') || !filters.matchesLabels(volume.labels, 'label!')),
  });
  emitPrune(engine, 'volume', reclaimedBytes);
  exchange.sendJson(200, { VolumesDeleted: removed.length > 0 ? removed : null, SpaceReclaimed: reclaimedBytes });
}

export const volumeEndpoints: readonly Endpoint[] = [
  on('GET', '/volumes', listVolumes),
  on('POST', '/volumes/create', createVolume),
  on('POST', '/volumes/prune', pruneVolumes),
  on('GET', '/volumes/{name}', (engine, exchange) => exchange.sendJson(200, toVolumeInspect(getVolume(engine, exchange.param('name'))))),
  on('DELETE', '/volumes/{name}', removeVolume),
];
