import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, type Filters, matchesName, parseFilters } from '@gantry/engine-api/protocol';
import { shapeContainerSummary } from '@gantry/engine-api/shapes';
import type { ContainerSummary } from '@gantry/engine-api/types';
import type { Container } from '@gantry/runtime/containers';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';
import { toMountPoints } from './inspect.ts';
import { toEndpoints, toPortSummaries } from './network-settings.ts';
import { describeState } from './state.ts';
import { toPort } from './to-spec.ts';

const accepted = [
  'ancestor',
  'before',
  'expose',
  'exited',
  'health',
  'id',
  'isolation',
  'is-task',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];
const statuses: readonly string[] = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const healths: readonly string[] = ['none', 'starting', 'healthy', 'unhealthy'];

function describeCommand(args: readonly string[]): string {
  return args.map((word, index) => (index > 0 && word.includes(' ') ? `'${word}'` : word)).join(' ');
}

export function toSummary(engine: Engine, container: Container, nowMs: number): ContainerSummary {
  const { image } = container.spec;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    // A name that has moved on to another image would mislead.
    Image: engine.runtime.images.find(image)?.id === container.imageId ? image : container.imageId,
    ImageID: container.imageId,
    Command: describeCommand(container.process.args),
    Created: Math.floor(Date.parse(container.createdAt) / 1000),
    Ports: toPortSummaries(container),
    Labels: container.process.labels,
    State: container.state.status,
    Status: describeState(container, nowMs),
    HostConfig: { NetworkMode: container.spec.hostConfig.networkMode },
    NetworkSettings: { Networks: toEndpoints(container) },
    Mounts: toMountPoints(container),
  };
}

function checkFilters(filters: Filters): void {
  for (const status of filters.get('status')) if (!statuses.includes(status)) throw new EngineError(400, `invalid filter 'status=${status}'`);
  for (const health of filters.get('health')) if (!healths.includes(health)) throw new EngineError(400, `invalid filter 'health=${health}'`);
  for (const code of filters.get('exited')) if (!/^-?\d+$/.test(code)) throw new EngineError(400, `invalid filter 'exited=${code}'`);
  for (const port of [...filters.get('publish'), ...filters.get('expose')]) portsMatch(port, []);
}

/** `publish` and `expose` take `80`, `80/udp` or `8000-8010/tcp`. */
function portsMatch(wanted: string, ports: readonly string[]): boolean {
  const range = /^(\d+)-(\d+)(?:\/(\w+))?$/.exec(wanted);
  if (!range) return ports.includes(toPort(wanted));
  return ports.some((port) => {
    const [number, protocol] = port.split('/');
    return Number(number) >= Number(range[1]) && Number(number) <= Number(range[2]) && protocol === (range[3] ?? 'tcp');
  });
}

function publishedPorts(container: Container): string[] {
  return container.ports.flatMap((port) => (port.published ?? []).map(({ hostPort }) => `${hostPort}/${port.containerPort.split('/')[1]}`));
}

export type ContainerPredicate = (container: Container) => boolean;

function byAncestor(engine: Engine, filters: Filters): ContainerPredicate {
  const images = filters.get('ancestor').map((reference) => engine.runtime.images.find(reference));
  const topLayers = new Set(images.map((image) => image?.chainId).filter((chainId) => chainId !== undefined));
  const ids = new Set(images.map((image) => image?.id));
  return (container) => {
    if (!filters.has('ancestor') || ids.has(container.imageId)) return true;
    const image = engine.runtime.images.find(container.imageId);
    return image?.layers.some((layer) => topLayers.has(layer.chainId)) ?? false;
  };
}

function byTime(engine: Engine, filters: Filters): ContainerPredicate {
  const created = (key: string) => filters.get(key).map((name) => getContainer(engine, name).createdAt);
  const [before] = created('before').sort();
  const since = created('since').sort().at(-1);
  return (container) => (before === undefined || container.createdAt < before) && (since === undefined || container.createdAt > since);
}

function byNetwork(engine: Engine, filters: Filters): ContainerPredicate {
  const wanted = filters.get('network').map((reference) => engine.runtime.networks.find(reference)?.id ?? reference);
  return (container) =>
    wanted.length === 0 || Object.entries(container.networks).some(([name, network]) => wanted.includes(network.networkId) || wanted.includes(name));
}

function matchesFields(container: Container, filters: Filters): boolean {
  const { state } = container;
  return (
    filters.matchesLabels(container.process.labels) &&
    filters.some('id', (id) => container.id.startsWith(id) || matchesName(container.id, id)) &&
    filters.some('name', (name) => matchesName(`/${container.name}`, name) || matchesName(container.name, name)) &&
    filters.some('status', (status) => status === state.status) &&
    filters.some('health', (health) => health === (state.health?.status ?? 'none')) &&
    filters.some('exited', (code) => state.status === 'exited' && Number(code) === state.exitCode) &&
    filters.some('volume', (volume) => container.mounts.some((mount) => mount.name === volume || mount.target === volume || mount.source === volume)) &&
    filters.some('publish', (wanted) => portsMatch(wanted, publishedPorts(container))) &&
    filters.some('expose', (wanted) =>
      portsMatch(
        wanted,
        container.ports.map((port) => port.containerPort),
      ),
    )
  );
}

export function containerPredicate(engine: Engine, filters: Filters): ContainerPredicate {
  checkFilters(filters);
  const isTask = filters.boolean('is-task', false);
  const predicates = [byAncestor(engine, filters), byTime(engine, filters), byNetwork(engine, filters)];
  return (container) => !isTask && matchesFields(container, filters) && predicates.every((predicate) => predicate(container));
}

/** GET /containers/json */
export async function listContainers(engine: Engine, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.text('filters'), accepted);
  const limit = exchange.integer('limit') ?? 0;
  const matches = containerPredicate(engine, filters);
  const wantsAll = exchange.boolean('all') || limit > 0 || ['status', 'exited', 'health', 'before', 'since'].some((key) => filters.has(key));
  const newestFirst = engine.runtime.containers.list().sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  const found = newestFirst.filter((container) => (wantsAll || ['running', 'paused', 'restarting'].includes(container.state.status)) && matches(container));
  const now = Date.now();
  const page = limit > 0 ? found.slice(0, limit) : found;
  const withSize = exchange.boolean('size');
  const summaries = page.map(async (container) => {
    const summary = toSummary(engine, container, now);
    if (!withSize) return shapeContainerSummary(exchange.version, summary);
    const rw = await engine.runtime.containers.usage(container.id);
    const image = engine.runtime.images.find(container.imageId)?.sizeBytes ?? 0;
    return shapeContainerSummary(exchange.version, { ...summary, SizeRw: rw, SizeRootFs: image + rw });
  });
  exchange.sendJson(200, await Promise.all(summaries));
}
