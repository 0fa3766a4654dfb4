import type { ContainerStats as CgroupStats } from '@gantry/contracts/executor';
import type { Endpoint, PublishedPort } from '@gantry/runtime/networks';
import type { ContainerSpec, EndpointSpec, Healthcheck } from './spec.ts';

/** Docker's words for a container's state. `removing` is on its way out; `dead` could not be removed and is tried again. */
export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing' | 'dead';

/** One moment's view of a container: an immutable value; ask again for a newer one. */
export interface Container {
  readonly id: string;
  /** Without Docker's leading slash. */
  readonly name: string;
  readonly spec: ContainerSpec;
  /** What really runs, after the image's and the spec's values were merged. */
  readonly process: ResolvedProcess;
  readonly imageId: string;
  readonly createdAt: string;
  readonly state: ContainerCondition;
  readonly restartCount: number;
  readonly mounts: readonly ContainerMount[];
  /** By network name; of a stopped container, the networks it will join. */
  readonly networks: Readonly<Record<string, ContainerNetwork>>;
  readonly ports: readonly ContainerPort[];
  readonly paths: { readonly log: string; readonly hostname: string; readonly hosts: string; readonly resolvConf: string };
  readonly execIds: readonly string[];
}

export interface ResolvedProcess {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly stopSignal: string;
  readonly stopTimeoutSeconds: number;
  readonly healthcheck: Healthcheck | null;
  /** Image labels under the spec's. */
  readonly labels: Readonly<Record<string, string>>;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
}

export interface ContainerCondition {
  readonly status: ContainerStatus;
  /** 0 unless a process lives. */
  readonly pid: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why the last start failed; ''. */
  readonly error: string;
  /** RFC 3339 with nanoseconds; null: never. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Null without a health check. */
  readonly health: Health | null;
}

export interface Health {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  readonly failingStreak: number;
  /** The last five. */
  readonly log: readonly { readonly start: string; readonly end: string; readonly exitCode: number; readonly output: string }[];
}

export interface ContainerMount {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /** Volume name; '' for others. */
  readonly name: string;
  /** Directory on the host; '' for tmpfs, the id of an image. */
  readonly source: string;
  readonly target: string;
  readonly driver: string;
  readonly readOnly: boolean;
  readonly propagation: string;
}

export interface ContainerNetwork {
  readonly networkId: string;
  readonly spec: EndpointSpec;
  /** Null while not running. */
  readonly endpoint: Endpoint | null;
}

export interface ContainerPort {
  /** `80/tcp` */
  readonly containerPort: string;
  /** Null: exposed, not published. */
  readonly published: readonly Pick<PublishedPort, 'hostIp' | 'hostPort'>[] | null;
}

export interface ContainerUsage {
  readonly stats: CgroupStats;
  /** CPU time of the whole host in nanoseconds, for percentages. */
  readonly hostCpuNs: number;
  readonly onlineCpus: number;
}
