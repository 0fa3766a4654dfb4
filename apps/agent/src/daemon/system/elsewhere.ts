import type { EngineRoute, Exchange, Method } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';

/** What a single engine without Swarm and plugins answers to their endpoints: Docker's own words. */
const notManager = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

function refuse(status: number, message: (exchange: Exchange) => string) {
  return (exchange: Exchange): void => {
    throw new EngineError(status, message(exchange));
  };
}

function swarmRoutes(): EngineRoute[] {
  const kinds = ['nodes', 'services', 'tasks', 'secrets', 'configs'];
  const handle = refuse(503, () => notManager);
  const route = (method: Method, pattern: string): EngineRoute => ({ method, pattern, handle });
  return [
    route('GET', '/swarm'),
    route('GET', '/swarm/unlockkey'),
    ...['update', 'unlock'].map((verb) => route('POST', `/swarm/${verb}`)),
    ...kinds.map((kind) => route('GET', `/${kind}`)),
    ...kinds.map((kind) => route('GET', `/${kind}/{id}`)),
    ...kinds.map((kind) => route('DELETE', `/${kind}/{id}`)),
    ...kinds.map((kind) => route('POST', `/${kind}/create`)),
    ...kinds.map((kind) => route('POST', `/${kind}/{id}/update`)),
    {
      method: 'POST',
      pattern: '/swarm/init',
      handle: refuse(501, () => 'an engine of Gantry does not form a swarm of its own: join its cluster with "gantry join"'),
    },
    { method: 'POST', pattern: '/swarm/join', handle: refuse(501, () => 'an engine of Gantry does not join a swarm: join its cluster with "gantry join"') },
    { method: 'POST', pattern: '/swarm/leave', handle: refuse(503, () => 'This node is not part of a swarm') },
  ];
}

function pluginRoutes(): EngineRoute[] {
  const notFound = refuse(404, (exchange) => `plugin "${exchange.param('name')}" not found`);
  return [
    { method: 'GET', pattern: '/plugins', handle: (exchange) => exchange.sendJson(200, []) },
    { method: 'GET', pattern: '/plugins/privileges', handle: refuse(501, () => 'plugins are not supported') },
    { method: 'POST', pattern: '/plugins/pull', handle: refuse(501, () => 'plugins are not supported') },
    { method: 'POST', pattern: '/plugins/create', handle: refuse(501, () => 'plugins are not supported') },
    { method: 'GET', pattern: '/plugins/{name}/json', handle: notFound },
    ...['enable', 'disable', 'push', 'upgrade', 'set'].map((verb): EngineRoute => ({ method: 'POST', pattern: `/plugins/{name}/${verb}`, handle: notFound })),
    { method: 'DELETE', pattern: '/plugins/{name}', handle: notFound },
  ];
}

export function elsewhereRoutes(): EngineRoute[] {
  return [...swarmRoutes(), ...pluginRoutes()];
}
