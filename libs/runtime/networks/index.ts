export { parseResolvConf, readHostResolvConf } from './host-network.ts';
export { type NetworkStoreOptions, openNetworkStore } from './network-store.ts';
export type { Endpoint, EndpointRequest, IpamPool, Network, NetworkSpec, Networks, PortPublisher, PortRequest, PublishedPort } from './networks.ts';
