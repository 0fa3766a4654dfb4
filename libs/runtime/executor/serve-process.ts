import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { operational } from '@gantry/platform/errors';
import { connectUnix, type Logger } from '@gantry/platform/node';
import { FrameSocket } from './frame-socket.ts';

export interface ServeOptions {
  readonly executorPath: string;
  /** An OCI runtime that makes and removes containers in the executor's place. */
  readonly ociRuntimePath?: string;
  /** Directory of the executor's own state, one directory per container. */
  readonly root: string;
  readonly logger: Logger;
}

/**
 * Starts `serve` and connects to it. One left by an earlier agent is ended first: it may be an older build, and whatever it was doing for
 * that agent nobody waits for any more.
 */
export async function startServe(options: ServeOptions): Promise<{ child: ChildProcess; connection: FrameSocket; connect: () => Promise<FrameSocket> }> {
  await mkdir(options.root, { recursive: true, mode: 0o700 });
  const socket = join(options.root, 'serve.sock');
  const pidFile = join(options.root, 'serve.pid');
  await endLeftover(pidFile, socket);
  await rm(socket, { force: true });
  const runtime = options.ociRuntimePath === undefined ? [] : ['--runtime', options.ociRuntimePath];
  const child = spawn(options.executorPath, ['serve', '--root', options.root, '--socket', socket, ...runtime], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  child.once('error', (cause) => ended.reject(operational('unavailable', `start ${options.executorPath}`, { cause })));
  child.once('exit', (code, signal) =>
    ended.reject(operational('unavailable', `${options.executorPath} serve ended at once (${signal ?? `exit code ${code}`})`)),
  );
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) if (line !== '') options.logger.warn({ executor: line }, 'executor says');
  });
  if (child.pid !== undefined) await writeFile(pidFile, `${child.pid}\n`, { mode: 0o600 });
  const connect = async () => new FrameSocket(await connectUnix(socket));
  return { child, connection: await Promise.race([ended.promise, firstConnection(connect)]), connect };
}

async function firstConnection(connect: () => Promise<FrameSocket>): Promise<FrameSocket> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect();
    } catch (cause) {
      if (attempt >= 500) throw operational('unavailable', 'the executor does not listen', { cause });
      await delay(10);
    }
  }
}

async function endLeftover(pidFile: string, socket: string): Promise<void> {
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  if (!Number.isInteger(pid) || !(await isServing(pid, socket))) return;
  process.kill(pid, 'SIGTERM');
  for (let attempt = 0; attempt < 300; attempt++) {
    if (!(await isServing(pid, socket))) return;
    if (attempt === 200) process.kill(pid, 'SIGKILL');
    await delay(10);
  }
}

/** The pid may have been given to a stranger since: only a process with our socket on its command line is ours. */
async function isServing(pid: number, socket: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(socket);
}
