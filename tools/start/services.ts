import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { executorBinary } from '../build/targets.ts';
import { root } from '../process/paths.ts';
import { ensureSystemUser } from '../setup/system-user.ts';
import { Child } from './child.ts';
import { ping } from './engine-client.ts';
import { assertReachable } from './external-database.ts';
import type { StartOptions } from './options.ts';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';

/** Where everything of one running start is; made once, read by all. */
export interface Installation {
  readonly options: StartOptions;
  /** How this host's own programs reach the one origin. */
  readonly apiUrl: string;
  readonly controlDir: string;
  readonly firstPasswordFile: string;
  readonly engineSocket: string;
  /** Valid while this start lives: joins the local agent, deploys the demo. */
  readonly secret: string;
  readonly signal: AbortSignal;
  /** Told about each process as it starts, so that it is stopped whatever happens next. */
  readonly adopt: (child: Child) => void;
}

const node = (file: string): { command: string; args: string[] } => ({
  command: process.execPath,
  args: ['--enable-source-maps', '--disable-warning=ExperimentalWarning', join(root, file)],
});

const isAnswering = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2_000), redirect: 'manual' }).then(
    (response) => response.status < 500,
    () => false,
  );

export async function openDatabase(installation: Installation): Promise<string> {
  const { DATABASE_URL, REDIS_URL } = process.env;
  if (REDIS_URL) await assertReachable('REDIS_URL', REDIS_URL, 6379);
  if (DATABASE_URL) {
    await assertReachable('DATABASE_URL', DATABASE_URL, 5432);
    return DATABASE_URL;
  }
  const postgres = await startPostgres(installation.options.dataDir, await ensureSystemUser(), installation.signal);
  installation.adopt(postgres.child);
  return postgres.url;
}

export async function startWeb(installation: Installation): Promise<string> {
  const port = await freePort();
  const child = await Child.start(
    {
      name: 'web',
      ...node('apps/web/.next/standalone/apps/web/server.js'),
      env: { NODE_ENV: 'production', PORT: String(port), HOSTNAME: '127.0.0.1', GANTRY_API_URL: installation.apiUrl },
    },
    installation.options.dataDir,
  );
  installation.adopt(child);
  const url = `http://127.0.0.1:${port}`;
  await child.untilReady(() => isAnswering(url), 60_000, installation.signal);
  return url;
}

export async function startApi(installation: Installation, urls: { database: string; web: string }): Promise<void> {
  const { options } = installation;
  const child = await Child.start(
    {
      name: 'api',
      ...node('apps/api/dist/main.js'),
      env: {
        NODE_ENV: 'production',
        DATABASE_URL: urls.database,
        GANTRY_PORT: String(options.port),
        GANTRY_BIND: options.bind,
        GANTRY_CONTROL_DIR: installation.controlDir,
        GANTRY_WEB_URL: urls.web,
        GANTRY_LOCAL_SECRET: installation.secret,
        GANTRY_FIRST_PASSWORD_FILE: installation.firstPasswordFile,
      },
    },
    options.dataDir,
  );
  installation.adopt(child);
  await child.untilReady(() => isAnswering(`${installation.apiUrl}/healthz`), 60_000, installation.signal);
}

export async function startAgent(installation: Installation): Promise<void> {
  const { options, engineSocket } = installation;
  const child = await Child.start(
    {
      name: 'agent',
      ...node('apps/agent/dist/main.js'),
      env: {
        NODE_ENV: 'production',
        GANTRY_SERVER_URL: installation.apiUrl,
        GANTRY_JOIN_TOKEN: installation.secret,
        GANTRY_DATA_DIR: join(options.dataDir, 'agent'),
        GANTRY_ENGINE_SOCKET: engineSocket,
        GANTRY_BRIDGE: options.bridge,
        GANTRY_SUBNET: options.subnet,
        GANTRY_EXECUTOR: executorBinary,
        GANTRY_NODE_NAME: options.nodeName,
        GANTRY_CGROUP_PARENT: options.cgroupParent,
      },
    },
    options.dataDir,
  );
  installation.adopt(child);
  await child.untilReady(() => ping(engineSocket), 60_000, installation.signal);
  const user = await ensureSystemUser();
  if (user) await chown(engineSocket, 0, user.gid);
}
