import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineServer } from '@gantry/engine-api/http';
import type { Logger } from '@gantry/platform/node';
import { openBuilder } from '@gantry/runtime/build';
import type { Runtime } from '@gantry/runtime/core';
import { buildRoutes } from './build/routes.ts';
import { containerRoutes } from './containers/routes.ts';
import { dockerVersion, type Engine, type EngineIdentity } from './engine.ts';
import { imageRoutes } from './images/routes.ts';
import { listenOnSocket } from './listen.ts';
import { networkRoutes } from './networks/routes.ts';
import { elsewhereRoutes } from './system/elsewhere.ts';
import { systemRoutes } from './system/routes.ts';
import { volumeRoutes } from './volumes/routes.ts';

export interface DaemonOptions {
  readonly runtime: Runtime;
  readonly identity: EngineIdentity;
  /** Where the Docker Engine API is served. */
  readonly socketPath: string;
  /** Members of this group may use the socket; `gantry` unless told. */
  readonly socketGroup?: string;
  readonly log: Logger;
}

/** The Docker Engine API server of this host. Closing it ends its connections; containers run on. */
export interface Daemon {
  readonly socketPath: string;
  close(): Promise<void>;
}

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { runtime, socketPath, log } = options;
  const engine: Engine = { runtime, identity: options.identity, log };
  const builder = await openBuilder({
    images: runtime.images,
    containers: runtime.containers,
    content: runtime.content,
    snapshots: runtime.snapshots,
    executor: runtime.executor,
    logger: log,
    directory: join(options.identity.dataDir, 'build'),
  });
  const server = new EngineServer({
    software: `Docker/${dockerVersion} (linux)`,
    log,
    routes: [
      ...systemRoutes(engine),
      ...containerRoutes(engine),
      ...buildRoutes(engine, builder),
      ...imageRoutes(engine),
      ...networkRoutes(engine),
      ...volumeRoutes(engine),
      ...elsewhereRoutes(),
    ],
  });
  await listenOnSocket(server.server, socketPath, options.socketGroup ?? 'gantry');
  log.info({ socketPath }, 'serving the Docker Engine API');
  return {
    socketPath,
    close: async () => {
      await server.close();
      await rm(socketPath, { force: true });
    },
  };
}
