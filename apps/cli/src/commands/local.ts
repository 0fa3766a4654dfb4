import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { invalid } from '@gantry/platform/errors';

/** Beside this file when installed from the agent package, in the clone otherwise. */
interface Programs {
  readonly agent: string;
  readonly executor: string;
}

const here = import.meta.dirname;
const clone = resolve(here, '../../..');

function findPrograms(): Programs {
  const candidates: Programs[] = [
    { agent: join(here, 'agent.js'), executor: join(here, '../bin/gantry-executor') },
    { agent: join(clone, 'apps/agent/dist/main.js'), executor: join(clone, 'apps/agent/executor/target/release/gantry-executor') },
  ];
  const found = candidates.find(({ agent, executor }) => existsSync(agent) && existsSync(executor));
  if (!found) throw invalid('the agent is not built here: run `npm run build` in the clone, or install the agent package');
  return found;
}

function untilExit(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    child.on('error', reject).on('exit', (code) => done(code ?? 1));
  });
}

/** The whole product on this host, from a clone. */
export function up(args: readonly string[]): Promise<number> {
  const start = join(clone, 'tools/start.mjs');
  if (!existsSync(start)) throw invalid('`gantry up` runs the product from a clone of it; on a node, use `gantry join`');
  return untilExit(process.execPath, [start, ...args], {});
}

export interface JoinOptions {
  readonly dataDir: string;
  readonly name?: string;
}

/** Runs the agent here in the foreground. The token is needed the first time only; afterwards the node proves itself by its key. */
export function joinCluster(url: string, token: string | undefined, { dataDir, name = hostname() }: JoinOptions): Promise<number> {
  if (process.getuid?.() !== 0) throw invalid('a node runs containers, which needs root: use sudo');
  if (!URL.canParse(url)) throw invalid(`"${url}" is not a URL; it should look like https://gantry.example.com`);
  const { agent, executor } = findPrograms();
  const args = ['--enable-source-maps', '--disable-warning=ExperimentalWarning', agent];
  return untilExit(process.execPath, args, {
    GANTRY_SERVER_URL: url,
    ...(token === undefined ? {} : { GANTRY_JOIN_TOKEN: token }),
    GANTRY_DATA_DIR: join(dataDir, 'agent'),
    GANTRY_ENGINE_SOCKET: join(dataDir, 'run/engine.sock'),
    GANTRY_EXECUTOR: executor,
    GANTRY_NODE_NAME: name,
  });
}
