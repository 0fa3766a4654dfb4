import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Advice } from '../process/report.ts';
import type { Child } from './child.ts';
import { deployDemo, deployedPort, untilDemoAnswers } from './demo.ts';
import type { StartOptions } from './options.ts';
import { stopOrphans } from './orphans.ts';
import { assertPortFree } from './ports.ts';
import { type Installation, openDatabase, startAgent, startApi, startWeb } from './services.ts';

const layoutVersion = 1;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** How this host reaches what is bound there: an unspecified address is reached by way of loopback. */
function reachable(bind: string): string {
  if (bind === '0.0.0.0' || bind === '::') return '127.0.0.1';
  return bind.includes(':') ? `[${bind}]` : bind;
}

function describe(options: StartOptions, signal: AbortSignal, adopt: (child: Child) => void): Installation {
  const controlDir = join(options.dataDir, 'control');
  return {
    options,
    apiUrl: `http://${reachable(options.bind)}:${options.port}`,
    controlDir,
    firstPasswordFile: join(controlDir, 'first-password'),
    engineSocket: join(options.dataDir, 'run', 'engine.sock'),
    secret: randomBytes(32).toString('base64url'),
    signal,
    adopt,
  };
}

/** The password is printed by the first start that comes up, not by one that made it and then failed; later ones say where it is. */
async function showSignIn({ apiUrl, controlDir, firstPasswordFile }: Installation): Promise<void> {
  const shown = join(controlDir, 'first-password-shown');
  const password = existsSync(shown) ? null : await readFile(firstPasswordFile, 'utf8').catch(() => null);
  say(`\n  Dashboard   ${apiUrl}`);
  if (password === null) return say(`  Sign in     as admin@gantry.local; the first password is in ${firstPasswordFile}`);
  say(`  Sign in     admin@gantry.local  ${password.trim()}`);
  await writeFile(shown, '');
}

async function startDemo(installation: Installation): Promise<void> {
  const { options, apiUrl, secret, engineSocket, controlDir, signal } = installation;
  const marker = join(controlDir, 'demo-port');
  const earlier = await deployedPort(marker);
  const port = earlier ?? options.demoPort;
  const url = `http://127.0.0.1:${port}`;
  if (earlier === null) {
    await assertPortFree(port, '0.0.0.0', '--demo-port');
    await deployDemo({ apiUrl, secret, engineSocket, port, marker, signal });
    if (!(await untilDemoAnswers(url, 60_000, signal)) && !signal.aborted)
      throw new Advice(
        `The demo was deployed but does not answer at ${url}. The dashboard shows its tasks; the agent's log is ${options.dataDir}/logs/agent.log.`,
      );
  }
  say(`  Demo        ${url}`);
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

async function bringUp(installation: Installation): Promise<void> {
  const { options } = installation;
  const orphans = await stopOrphans(options.dataDir);
  if (orphans.length > 0) say(`• stopped what an earlier start left running: ${orphans.join(', ')}`);
  await assertPortFree(options.port, options.bind, '--port');
  const [database, web] = await Promise.all([openDatabase(installation), startWeb(installation)]);
  await startApi(installation, { database, web });
  if (options.agent) await startAgent(installation);
  await showSignIn(installation);
  if (options.agent) say(`  Docker      docker -H unix://${installation.engineSocket} ps`);
  if (options.demo) await startDemo(installation);
}

export interface Session {
  /** Rejects with the reason when a process of ours ends by itself. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/** Starts everything in order inside a data directory that nobody else holds; whatever was started is stopped again when a later part fails. */
export async function startSession(options: StartOptions, signal: AbortSignal): Promise<Session> {
  const { holdDataDirectory } = await import('@gantry/platform/node');
  const held = await holdDataDirectory(options.dataDir, { version: layoutVersion });
  // Others may pass through to what is theirs (Postgres's user, the socket's group); each part below guards itself.
  await chmod(options.dataDir, 0o711);
  const children: Child[] = [];
  const ended = new AbortController();
  const failed = Promise.withResolvers<never>();
  const adopt = (child: Child): void => {
    if (ended.signal.aborted) void child.stop();
    else children.push(child);
    void child.exited.then((exit) => {
      if (!ended.signal.aborted) failed.reject(new Advice(child.describeExit(exit)));
    });
  };
  const stop = async (): Promise<void> => {
    ended.abort();
    for (const child of children.toReversed()) await child.stop();
    held.release();
  };
  try {
    const installation = describe(options, AbortSignal.any([signal, ended.signal]), adopt);
    await Promise.race([bringUp(installation), failed.promise, untilAborted(signal)]);
    return { failed: failed.promise, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
