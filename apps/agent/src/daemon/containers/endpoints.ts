import type { Exchange } from '@gantry/engine-api/http';
import { shapeContainerInspect } from '@gantry/engine-api/shapes';
import { type Endpoint, on } from '../endpoint.ts';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';
import { containerChanges, exportContainer, readArchive, statArchive, writeArchive } from './archive.ts';
import { attachContainer, resizeContainer } from './attach.ts';
import { attachWebSocket } from './attach-websocket.ts';
import { commitContainer } from './commit.ts';
import { createContainer } from './create.ts';
import { createExec, inspectExec, resizeExec, startExec } from './exec.ts';
import { toContainerInspect } from './inspect.ts';
import {
  killContainer,
  pauseContainer,
  pruneContainers,
  removeContainer,
  renameContainer,
  restartContainer,
  startContainer,
  stopContainer,
  unpauseContainer,
  updateContainer,
  waitContainer,
} from './lifecycle.ts';
import { listContainers } from './list.ts';
import { containerLogs } from './logs.ts';
import { toEndpoints } from './network-settings.ts';
import { containerStats } from './stats.ts';
import { containerTop } from './top.ts';

async function inspectContainer(engine: Engine, exchange: Exchange): Promise<void> {
  const container = getContainer(engine, exchange.param('name'));
  let size: { rw: number; root: number } | null = null;
  if (exchange.boolean('size')) {
    const rw = await engine.runtime.containers.usage(container.id);
    size = { rw, root: rw + (engine.runtime.images.find(container.imageId)?.sizeBytes ?? 0) };
  }
  exchange.sendJson(200, shapeContainerInspect(exchange.version, toContainerInspect(container, size), toEndpoints(container)));
}

export const containerEndpoints: readonly Endpoint[] = [
  on('GET', '/containers/json', listContainers),
  on('POST', '/containers/create', createContainer),
  on('POST', '/containers/prune', pruneContainers),
  on('GET', '/containers/{name}/json', inspectContainer),
  on('GET', '/containers/{name}/top', containerTop),
  on('GET', '/containers/{name}/logs', containerLogs),
  on('GET', '/containers/{name}/changes', containerChanges),
  on('GET', '/containers/{name}/export', exportContainer),
  on('GET', '/containers/{name}/stats', containerStats),
  on('GET', '/containers/{name}/attach/ws', attachWebSocket),
  on('POST', '/containers/{name}/attach', attachContainer),
  on('POST', '/containers/{name}/resize', resizeContainer),
  on('POST', '/containers/{name}/start', startContainer),
  on('POST', '/containers/{name}/stop', stopContainer),
  on('POST', '/containers/{name}/restart', restartContainer),
  on('POST', '/containers/{name}/kill', killContainer),
  on('POST', '/containers/{name}/update', updateContainer),
  on('POST', '/containers/{name}/rename', renameContainer),
  on('POST', '/containers/{name}/pause', pauseContainer),
  on('POST', '/containers/{name}/unpause', unpauseContainer),
  on('POST', '/containers/{name}/wait', waitContainer),
  on('POST', '/containers/{name}/exec', createExec),
  on('DELETE', '/containers/{name}', removeContainer),
  on('HEAD', '/containers/{name}/archive', statArchive),
  on('GET', '/containers/{name}/archive', readArchive),
  on('PUT', '/containers/{name}/archive', writeArchive),
  on('POST', '/exec/{id}/start', startExec),
  on('POST', '/exec/{id}/resize', resizeExec),
  on('GET', '/exec/{id}/json', inspectExec),
  on('POST', '/commit', commitContainer),
];
