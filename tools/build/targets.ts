import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { binary, root } from '../process/paths.ts';
import { runOrFail } from '../process/run.ts';

export interface Target {
  readonly title: string;
  /** Files and folders whose contents decide whether this must be built again. */
  readonly inputs: readonly string[];
  /** What a build leaves; when it is gone, the target is built whatever the hash says. */
  readonly output: string;
  readonly after: readonly TargetName[];
  readonly build: () => Promise<unknown>;
}

export type TargetName = 'prisma' | 'api' | 'agent' | 'cli' | 'web' | 'executor';

const bundle = (app: string) => () => runOrFail(binary('rolldown'), ['-c', 'rolldown.config.mjs'], { cwd: join(root, 'apps', app) });

const sources = (app: string): string[] => [`apps/${app}/src`, `apps/${app}/package.json`, `apps/${app}/rolldown.config.mjs`, 'libs', 'package-lock.json'];

/** Next's standalone server expects its static files beside it, and leaves putting them there to us. */
async function buildWeb(): Promise<void> {
  const web = join(root, 'apps/web');
  await runOrFail(binary('next'), ['build'], { cwd: web, env: { NODE_ENV: 'production' } });
  const standalone = join(web, '.next/standalone/apps/web');
  await cp(join(web, '.next/static'), join(standalone, '.next/static'), { recursive: true });
  await cp(join(web, 'public'), join(standalone, 'public'), { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
  });
}

/** generate needs no engine, but looks for one, and would download it. */
async function generatePrisma(): Promise<void> {
  await rm(join(root, 'apps/api/src/persistence/generated'), { recursive: true, force: true });
  await runOrFail(binary('prisma'), ['generate', '--config', 'prisma/prisma.config.ts'], { env: { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' } });
}

export const executorDirectory = join(root, 'apps/agent/executor');
export const executorBinary = join(executorDirectory, 'target/release/gantry-executor');

export const targets: Readonly<Record<TargetName, Target>> = {
  prisma: {
    title: 'Prisma client',
    inputs: ['prisma/schema', 'prisma/prisma.config.ts', 'package-lock.json'],
    output: 'apps/api/src/persistence/generated',
    after: [],
    build: generatePrisma,
  },
  api: { title: 'api', inputs: [...sources('api'), 'prisma'], output: 'apps/api/dist/main.js', after: ['prisma'], build: bundle('api') },
  agent: { title: 'agent', inputs: sources('agent'), output: 'apps/agent/dist/main.js', after: [], build: bundle('agent') },
  cli: { title: 'command line', inputs: sources('cli'), output: 'apps/cli/dist/main.js', after: [], build: bundle('cli') },
  web: {
    title: 'dashboard',
    inputs: ['apps/web', 'libs', 'package-lock.json'],
    output: 'apps/web/.next/standalone/apps/web/server.js',
    after: [],
    build: buildWeb,
  },
  executor: {
    title: 'executor',
    inputs: ['apps/agent/executor'],
    output: 'apps/agent/executor/target/release/gantry-executor',
    after: [],
    build: () => runOrFail('cargo', ['build', '--release', '--locked', '--quiet'], { cwd: executorDirectory }),
  },
};
