import type { Logger } from '@gantry/platform/node';
import type { Containers } from '@gantry/runtime/containers';
import type { ContentStore } from '@gantry/runtime/content';
import type { Executor } from '@gantry/runtime/executor';
import type { Images } from '@gantry/runtime/images';
import type { Snapshotter } from '@gantry/runtime/snapshots';

/** What the builder works with; all of it is part of the runtime. */
export interface BuildParts {
  readonly images: Images;
  readonly containers: Containers;
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
  readonly executor: Executor;
  readonly logger: Logger;
  /** For contexts while they are built from, and the list of cached steps. */
  readonly directory: string;
}
