import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineServer, type EngineServerOptions } from '@gantry/engine-api/http';
import type { Logger } from '@gantry/platform/node';
import { openBuilder } from '@gantry/runtime/build';
import type { Runtime } from '@gantry/runtime/core';
import { toRoutes } from './endpoint.ts';
import { endpoints } from './endpoints.ts';
import { dockerVersion, type Engine, type EngineIdentity } from './engine.ts';
import { listenOnSocket, listenOnTcp, readTls, refuseBrowsers, type TcpListener } from './listen.ts';

export interface DaemonOptions {
  readonly runtime: Runtime;
  readonly identity: EngineIdentity;
  /** Where the Docker Engine API is served. */
  readonly socketPath: string;
  /** Members of this group may use the socket; `gantry` unless told. */
  readonly socketGroup?: string;
  /** Registries that may be spoken to without TLS, loopback aside. */
  readonly insecureRegistries?: readonly string[];
  /** Also over TCP, for `docker -H tcp://…`. */
  readonly tcp?: { readonly address: string; readonly port: number; readonly tlsDir: string | null };
  readonly log: Logger;
}

/** The Docker Engine API server of this host. Closing it ends its connections; containers run on. */
export interface Daemon {
  readonly socketPath: string;
  close(): Promise<void>;
}

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { runtime, socketPath, log } = options;
  const builder = await openBuilder({
    images: runtime.images,
    containers: runtime.containers,
    content: runtime.content,
    snapshots: runtime.snapshots,
    executor: runtime.executor,
    logger: log,
    directory: join(options.identity.dataDir, 'build'),
  });
  const engine: Engine = { runtime, builder, identity: options.identity, insecureRegistries: options.insecureRegistries ?? [], log };
  const routes = toRoutes(endpoints, engine);
  const software = `Docker/${dockerVersion} (linux)`;
  const parts = new AsyncDisposableStack();
  try {
    // First, for it is what may be refused: who finds the socket answering finds everything there.
    if (options.tcp)
      await serveTcp({ ...options.tcp, tls: options.tcp.tlsDir === null ? null : await readTls(options.tcp.tlsDir) }, { software, log, routes }, parts);
    const server = new EngineServer({ software, log, routes });
    await listenOnSocket(server.server, socketPath, options.socketGroup ?? 'gantry');
    parts.defer(async () => {
      await server.close();
      await rm(socketPath, { force: true });
    });
    log.info({ socketPath }, 'serving the Docker Engine API');
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
  return { socketPath, close: () => parts.disposeAsync() };
}

async function serveTcp(tcp: TcpListener, options: Pick<EngineServerOptions, 'software' | 'log' | 'routes'>, parts: AsyncDisposableStack): Promise<void> {
  const { address, tls } = tcp;
  const server = new EngineServer({
    ...options,
    guard: (request) => refuseBrowsers(request, tls === null),
    ...(tls === null ? {} : { tls: { ...tls, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' } }),
  });
  const port = await listenOnTcp(server.server, tcp);
  parts.defer(() => server.close());
  options.log.info({ address, port, tls: tls !== null }, 'serving the Docker Engine API');
}
