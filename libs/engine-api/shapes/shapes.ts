import type { ApiVersion } from '@gantry/engine-api/protocol';
import type { ContainerSummary, EndpointSettings, NetworkInspect } from '@gantry/engine-api/types';

/**
 * The one place that knows how answers differ between API versions. Everything else builds the newest shape; these make an older one of it
 * (Docker's api/docs/CHANGELOG.md says what changed when).
 */

type Json = Readonly<Record<string, unknown>>;

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function without(value: Json, ...keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** DNSNames came with 1.44, GwPriority with 1.48. */
function shapeEndpoint(version: ApiVersion, endpoint: EndpointSettings): Json {
  const keys = [...(version.isAtLeast(44) ? [] : ['DNSNames']), ...(version.isAtLeast(48) ? [] : ['GwPriority'])];
  return without({ ...endpoint }, ...keys);
}

export function shapeContainerSummary(version: ApiVersion, summary: ContainerSummary): Json {
  const networks = Object.entries(summary.NetworkSettings.Networks).map(([name, endpoint]) => [name, shapeEndpoint(version, endpoint)]);
  return { ...summary, NetworkSettings: { Networks: Object.fromEntries(networks) } };
}

/** `networks` are the endpoints of `inspect.NetworkSettings.Networks`, typed. */
export function shapeContainerInspect(version: ApiVersion, inspect: Json, networks: Readonly<Record<string, EndpointSettings>>): Json {
  const id = String(inspect.Id).slice(0, 12);
  const shaped = Object.entries(networks).map(([name, endpoint]) => {
    // Until 1.44 the short id counted among the aliases of user-defined networks.
    const isUserDefined = !['bridge', 'host', 'none'].includes(name);
    const aliases = version.isAtLeast(45) || !isUserDefined ? endpoint.Aliases : [...(endpoint.Aliases ?? []), id];
    return [name, shapeEndpoint(version, { ...endpoint, Aliases: aliases })];
  });
  const settings = isJson(inspect.NetworkSettings) ? inspect.NetworkSettings : {};
  return { ...inspect, NetworkSettings: { ...settings, Networks: Object.fromEntries(shaped) } };
}

/** 1.44 dropped VirtualSize; 1.51 counts the containers, before it was always -1. */
export function shapeImageSummary(version: ApiVersion, summary: Json): Json {
  const sized = version.isAtLeast(44) ? summary : { ...summary, VirtualSize: summary.Size };
  return version.isAtLeast(51) ? sized : { ...sized, Containers: -1 };
}

const containerOnlyConfig = {
  Hostname: '',
  Domainname: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: '',
};

/**
 * Until 1.49 an image's config had the fields that only a container's can have; until 1.44 there were Container and ContainerConfig too.
 * Compose 1 speaks the newest version and still cannot do without ContainerConfig: it gets one in every version.
 */
export function shapeImageInspect(version: ApiVersion, inspect: Json, userAgent: string | null = null): Json {
  const config = isJson(inspect.Config) ? inspect.Config : {};
  const sized = version.isAtLeast(44) ? inspect : { ...inspect, VirtualSize: inspect.Size };
  const configured = version.isAtLeast(50) ? sized : { ...sized, Config: { ...containerOnlyConfig, ...config } };
  if (version.isAtLeast(45) && !userAgent?.startsWith('docker-compose/1.')) return configured;
  return { ...configured, Container: '', ContainerConfig: { ...containerOnlyConfig, ...config } };
}

/** EnableIPv4 came with 1.48. */
export function shapeNetwork(version: ApiVersion, network: NetworkInspect): Json {
  return version.isAtLeast(48) ? { ...network } : without({ ...network }, 'EnableIPv4');
}

/** Docker's name for a stream of stdout and stderr: until 1.41 it was raw-stream whatever it held. */
export function outputContentType(version: ApiVersion, isTerminal: boolean): string {
  return version.isAtLeast(42) && !isTerminal ? 'application/vnd.docker.multiplexed-stream' : 'application/vnd.docker.raw-stream';
}
