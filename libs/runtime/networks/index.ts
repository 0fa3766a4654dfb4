export type { Endpoint, EndpointRequest, IpamPool, Network, NetworkSpec, Networks, PortPublisher, PortRequest, PublishedPort } from './networks.ts';
