import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { type Endpoint, on } from '../endpoint.ts';

/** What a single engine without Swarm and plugins answers to their endpoints: Docker's own words. */
const notManager = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

function refuse(status: number, message: (exchange: Exchange) => string): Endpoint['handle'] {
  return (_, exchange) => {
    throw new EngineError(status, message(exchange));
  };
}

const refuseManagement = refuse(503, () => notManager);
const kinds = ['nodes', 'services', 'tasks', 'secrets', 'configs'];
const swarmEndpoints: readonly Endpoint[] = [
  on('GET', '/swarm', refuseManagement),
  on('GET', '/swarm/unlockkey', refuseManagement),
  on('POST', '/swarm/update', refuseManagement),
  on('POST', '/swarm/unlock', refuseManagement),
  ...kinds.map((kind) => on('GET', `/${kind}`, refuseManagement)),
  on('GET', '/services/{id}/logs', refuseManagement),
  on('GET', '/tasks/{id}/logs', refuseManagement),
  ...kinds.map((kind) => on('GET', `/${kind}/{id}`, refuseManagement)),
  ...kinds.map((kind) => on('DELETE', `/${kind}/{id}`, refuseManagement)),
  ...kinds.map((kind) => on('POST', `/${kind}/create`, refuseManagement)),
  ...kinds.map((kind) => on('POST', `/${kind}/{id}/update`, refuseManagement)),
  on(
    'POST',
    '/swarm/init',
    refuse(501, () => 'an engine of Gantry does not form a swarm of its own: join its cluster with "gantry join"'),
  ),
  on(
    'POST',
    '/swarm/join',
    refuse(501, () => 'an engine of Gantry does not join a swarm: join its cluster with "gantry join"'),
  ),
  on(
    'POST',
    '/swarm/leave',
    refuse(503, () => 'This node is not part of a swarm'),
  ),
];

const noPlugins = refuse(501, () => 'plugins are not supported');
const noSuchPlugin = refuse(404, (exchange) => `plugin "${exchange.param('name')}" not found`);
const pluginEndpoints: readonly Endpoint[] = [
  on('GET', '/plugins', (_, exchange) => exchange.sendJson(200, [])),
  on('GET', '/plugins/privileges', noPlugins),
  on('POST', '/plugins/pull', noPlugins),
  on('POST', '/plugins/create', noPlugins),
  on('GET', '/plugins/{name}/json', noSuchPlugin),
  ...['enable', 'disable', 'push', 'upgrade', 'set'].map((verb) => on('POST', `/plugins/{name}/${verb}`, noSuchPlugin)),
  on('DELETE', '/plugins/{name}', noSuchPlugin),
];

export const elsewhereEndpoints: readonly Endpoint[] = [...swarmEndpoints, ...pluginEndpoints];
