import type { Logger } from '@gantry/platform/node';
import type { Events } from '@gantry/runtime/events';
import type { Executor } from '@gantry/runtime/executor';
import type { Images } from '@gantry/runtime/images';
import type { MetadataStore } from '@gantry/runtime/metadata';
import type { Networks } from '@gantry/runtime/networks';
import type { Snapshotter } from '@gantry/runtime/snapshots';
import type { Volumes } from '@gantry/runtime/volumes';

/** What containers are made with. */
export interface ContainerParts {
  readonly metadata: MetadataStore;
  /** What outlives this process, and is void when the host has been down. */
  readonly runs: MetadataStore;
  readonly events: Events;
  readonly executor: Executor;
  readonly images: Images;
  readonly snapshots: Snapshotter;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly logger: Logger;
  readonly settings: ContainerSettings;
}

export interface ContainerSettings {
  /** One directory per container: log, /etc files. */
  readonly directory: string;
  /** One bundle per running container; gone after a reboot. */
  readonly bundleDirectory: string;
  readonly cgroupParent: string;
  readonly publishAddress: string;
  /** Go's name of this machine's architecture. */
  readonly architecture: string;
  readonly hasSeccomp: boolean;
  readonly defaultStopTimeoutSeconds: number;
}
