import type { ClusterNode, PublishedPort } from '@gantry/contracts/http-api';

/**
 * A host at which a published port can be reached: the one this page came from when a node answers there, else a node's own address.
 * Loopback means that control plane and browser share a machine, which is then also where the node is.
 */
export function portHost(pageHost: string, nodes: readonly ClusterNode[]): string {
  const addresses = nodes.filter((node) => node.status.state === 'ready').flatMap((node) => node.status.facts?.addresses ?? []);
  if (isLoopback(pageHost) || addresses.length === 0) return pageHost;
  const bareHost = pageHost.replace(/^\[|\]$/g, '');
  if (addresses.includes(bareHost) || isName(bareHost)) return pageHost;
  const address = addresses.find((one) => !one.includes(':')) ?? addresses[0];
  return address?.includes(':') ? `[${address}]` : (address ?? pageHost);
}

/** Only TCP may speak HTTP. */
export function portUrl(host: string, port: PublishedPort): string | undefined {
  return port.protocol === 'tcp' && port.publishedPort > 0 ? `http://${host}:${port.publishedPort}` : undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

function isName(host: string): boolean {
  return !host.includes(':') && !/^[\d.]+$/.test(host);
}
