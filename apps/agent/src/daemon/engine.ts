import type { Logger } from '@gantry/platform/node';
import type { Builder } from '@gantry/runtime/build';
import type { Runtime } from '@gantry/runtime/core';

/** What every endpoint works with. */
export interface Engine {
  readonly runtime: Runtime;
  readonly builder: Builder;
  readonly identity: EngineIdentity;
  readonly insecureRegistries: readonly string[];
  readonly log: Logger;
}

export interface EngineIdentity {
  /** Stays the same for the life of the data directory. */
  readonly id: string;
  /** The host's name as `docker info` shows it. */
  readonly name: string;
  /** Gantry's own version. */
  readonly version: string;
  readonly commit: string;
  /** `docker info` → Docker Root Dir. */
  readonly dataDir: string;
}

/** The release of Docker Engine whose API this is; clients that look at the version expect one of Docker's. */
export const dockerVersion = '28.5.2';
