export type { ContainerState, ContainerSummary, EndpointSettings, MountPoint, PortMap, PortSummary } from './container.ts';
export {
  ContainerConfigBody,
  ContainerCreateBody,
  ContainerUpdateBody,
  EndpointBody,
  ExecCreateBody,
  ExecStartBody,
  HealthcheckBody,
  HostConfigBody,
  MountBody,
  ResourcesBody,
  RestartPolicyBody,
} from './container-create.ts';
export type { EventMessage } from './event.ts';
export { goBoolean, goInteger, goString } from './go-json.ts';
export { NetworkConnectBody, type NetworkContainer, NetworkCreateBody, NetworkDisconnectBody, type NetworkInspect } from './network.ts';
export { VolumeCreateBody, type VolumeInspect } from './volume.ts';
