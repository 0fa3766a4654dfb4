import type { Logger } from '@gantry/platform/node';
import type { Containers } from '@gantry/runtime/containers';
import type { ContentStore } from '@gantry/runtime/content';
import type { Events } from '@gantry/runtime/events';
import type { Executor } from '@gantry/runtime/executor';
import type { Images } from '@gantry/runtime/images';
import type { Networks } from '@gantry/runtime/networks';
import type { Snapshotter } from '@gantry/runtime/snapshots';
import type { Volumes } from '@gantry/runtime/volumes';

/**
 * The agent's containerd-like core.
 *
 * `openRuntime` takes up whatever an earlier process left, however it ended: running containers are watched again, exits that happened meanwhile are
 * recorded with their real codes and times, restart policies are honoured, half-made things are finished or removed. Only then it returns.
 * `close` lets go: containers run on.
 */
export interface Runtime {
  readonly facts: RuntimeFacts;
  readonly images: Images;
  readonly containers: Containers;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly events: Events;
  /** The parts below, for the builder. */
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
  readonly executor: Executor;
  /** Frees layers and blobs nothing refers to. Also runs by itself after removals. */
  collectGarbage(): Promise<{ reclaimedBytes: number }>;
  close(): Promise<void>;
  /** Takes out of the kernel what `close` leaves: containers are killed, bridges and firewall rules removed. Then it closes. Nothing on disk is touched. */
  withdraw(): Promise<void>;
}

export interface RuntimeOptions {
  /** What must survive a reboot: `/var/lib/gantry`. Held by one process at a time. */
  readonly dataDir: string;
  /** What must not: `/run/gantry`. Bundles, shim sockets, executor state. */
  readonly stateDir: string;
  /** Path of the gantry-executor binary. */
  readonly executorPath: string;
  /** Path of an OCI runtime (runc, crun) to call for containers' lives instead. */
  readonly ociRuntimePath?: string;
  readonly logger: Logger;
  /** Tells agents on one machine apart: interface names, the nftables table. 1 to 8 characters a-z 0-9. `gantry` unless told. */
  readonly instance?: string;
  /** The default network. */
  readonly bridge?: { readonly name?: string; readonly subnet?: string; readonly mtu?: number };
  /** User-defined networks are cut out of these, /24 each unless said. */
  readonly addressPools?: readonly { readonly base: string; readonly size: number }[];
  /** Parent of all containers' cgroups: `/gantry`. */
  readonly cgroupParent?: string;
  /** Registries spoken to over plain http, or without checking their certificate; loopback addresses always may be. */
  readonly insecureRegistries?: readonly string[];
  readonly registryMirrors?: readonly string[];
  /** How long a registry may keep silent before it counts as stalled: 30 s unless told. */
  readonly registryIdleMs?: number;
  /** Where ports are published when nobody says; 0.0.0.0 unless told. */
  readonly publishAddress?: string;
}

export interface RuntimeFacts {
  readonly cgroupVersion: 1 | 2;
  readonly controllers: readonly string[];
  readonly executorVersion: string;
  readonly hasOverlay: boolean;
  readonly hasSeccomp: boolean;
  readonly architecture: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
}
