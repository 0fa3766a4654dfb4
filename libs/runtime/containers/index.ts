export type {
  Container,
  ContainerCondition,
  ContainerMount,
  ContainerNetwork,
  ContainerPort,
  ContainerStatus,
  ContainerUsage,
  Health,
  ResolvedProcess,
} from './container.ts';
export { openContainerStore } from './container-store.ts';
export type {
  AttachRequest,
  CommitRequest,
  Containers,
  CreateRequest,
  Exec,
  ExecSpec,
  LogEntry,
  LogRequest,
  TerminalSize,
  WaitCondition,
  WaitResult,
} from './containers.ts';
export type { OutputChunk, ProcessStream } from './process-stream.ts';
export { ContainerSpec, type ContainerSpecInput, EndpointSpec, Healthcheck, HostConfig, Mount, PortBinding, Resources, RestartPolicy } from './spec.ts';
