import { pipeline } from 'node:stream/promises';
import type { PathStat } from '@gantry/contracts/executor';
import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { hasCode } from '@gantry/platform/errors';
import type { Container } from '@gantry/runtime/containers';
import { emitContainerEvent } from '../emit.ts';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';

/** Go's os.FileMode keeps the permission bits and puts the kind of file elsewhere than the kernel does. */
const goKinds: ReadonlyMap<number, number> = new Map([
  [0o040000, 0x80000000],
  [0o120000, 0x08000000],
  [0o010000, 0x02000000],
  [0o140000, 0x01000000],
  [0o020000, 0x04200000],
  [0o060000, 0x04000000],
]);

export function toGoMode(mode: number): number {
  const special = (mode & 0o4000 ? 0x00800000 : 0) + (mode & 0o2000 ? 0x00400000 : 0) + (mode & 0o1000 ? 0x00100000 : 0);
  return (mode & 0o777) + special + (goKinds.get(mode & 0o170000) ?? 0);
}

function statHeader(stat: PathStat): string {
  const value = { name: stat.name, size: stat.size, mode: toGoMode(stat.mode), mtime: stat.mtime, linkTarget: stat.linkTarget };
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

function requiredPath(exchange: Exchange): string {
  const path = exchange.text('path');
  if (path === null) throw new EngineError(400, 'missing path parameter');
  return path;
}

/** The runtime's words name a path on the host; the client asked for one in a container. */
function pathFailure(container: Container, path: string, cause: unknown): unknown {
  return hasCode(cause, 'not-found') ? new EngineError(404, `Could not find the file ${path} in container ${container.name}`, { cause }) : cause;
}

export async function statArchive(engine: Engine, exchange: Exchange): Promise<void> {
  const path = requiredPath(exchange);
  const container = getContainer(engine, exchange.param('name'));
  try {
    exchange.setHeader('X-Docker-Container-Path-Stat', statHeader(await engine.runtime.containers.statPath(container.id, path)));
  } catch (cause) {
    throw pathFailure(container, path, cause);
  }
  exchange.sendStatus(200);
}

export async function readArchive(engine: Engine, exchange: Exchange): Promise<void> {
  const path = requiredPath(exchange);
  const container = getContainer(engine, exchange.param('name'));
  let archive: Awaited<ReturnType<Engine['runtime']['containers']['readArchive']>>;
  try {
    archive = await engine.runtime.containers.readArchive(container.id, path);
  } catch (cause) {
    throw pathFailure(container, path, cause);
  }
  emitContainerEvent(engine, container, 'archive-path');
  exchange.setHeader('X-Docker-Container-Path-Stat', statHeader(archive.stat));
  await pipeline(archive.tar, exchange.startStream('application/x-tar'));
}

export async function writeArchive(engine: Engine, exchange: Exchange): Promise<void> {
  const path = requiredPath(exchange);
  const container = getContainer(engine, exchange.param('name'));
  try {
    await engine.runtime.containers.writeArchive(container.id, path, exchange.body(), {
      noOverwriteDirNonDir: exchange.boolean('noOverwriteDirNonDir'),
      keepOwner: exchange.boolean('copyUIDGID'),
    });
  } catch (cause) {
    throw pathFailure(container, path, cause);
  }
  emitContainerEvent(engine, container, 'extract-to-dir');
  exchange.sendStatus(200);
}

/** GET /containers/{name}/export */
export async function exportContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const tar = await engine.runtime.containers.export(getContainer(engine, exchange.param('name')).id);
  await pipeline(tar, exchange.startStream('application/octet-stream'));
}

/** GET /containers/{name}/changes */
export async function containerChanges(engine: Engine, exchange: Exchange): Promise<void> {
  const changes = await engine.runtime.containers.changes(getContainer(engine, exchange.param('name')).id);
  exchange.sendJson(
    200,
    changes.map(({ path, kind }) => ({ Path: path, Kind: kind })),
  );
}
