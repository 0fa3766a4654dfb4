import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { outputContentType } from '@gantry/engine-api/shapes';
import { parseDetachKeys } from '@gantry/engine-api/stream';
import { ExecCreateBody, ExecStartBody } from '@gantry/engine-api/types';
import type { Exec } from '@gantry/runtime/containers';
import type { Engine } from '../engine.ts';
import { getContainer, getExec } from '../lookup.ts';
import { terminalSize } from './attach.ts';
import { endHijacked, pumpProcess, writeChunk } from './process-pump.ts';
import { startFailure } from './start-failure.ts';

type Size = readonly [height: number, width: number];

function toTerminalSize(size: Size | null): { consoleSize?: { height: number; width: number } } {
  return size === null || (size[0] === 0 && size[1] === 0) ? {} : { consoleSize: { height: size[0], width: size[1] } };
}

/** POST /containers/{name}/exec */
export async function createExec(engine: Engine, exchange: Exchange): Promise<void> {
  const body = await exchange.json(ExecCreateBody);
  if (body.Cmd.length === 0) throw new EngineError(400, 'No exec command specified');
  parseDetachKeys(body.DetachKeys);
  const container = getContainer(engine, exchange.param('name'));
  if (container.state.pid === 0) throw new EngineError(409, `container ${container.id} is not running`);
  if (container.state.status === 'paused') throw new EngineError(409, `container ${exchange.param('name')} is paused, unpause the container before exec`);
  const id = await engine.runtime.containers.execCreate(container.id, {
    cmd: body.Cmd,
    env: body.Env,
    workingDir: body.WorkingDir,
    user: body.User,
    tty: body.Tty,
    attachStdin: body.AttachStdin,
    attachStdout: body.AttachStdout,
    attachStderr: body.AttachStderr,
    privileged: body.Privileged,
    detachKeys: body.DetachKeys,
    ...(exchange.version.isAtLeast(42) ? toTerminalSize(body.ConsoleSize) : {}),
  });
  exchange.sendJson(201, { Id: id });
}

/** POST /exec/{id}/start */
export async function startExec(engine: Engine, exchange: Exchange): Promise<void> {
  const body = await exchange.json(ExecStartBody);
  const exec = getExec(engine, exchange.param('id'));
  if (exec.isRunning) throw new EngineError(409, `Error: Exec command ${exec.id} is already running`);
  if (exec.exitCode !== null) throw new EngineError(409, `Error: Exec command ${exec.id} has already run`);
  if (engine.runtime.containers.find(exec.containerId)?.state.pid === 0) throw new EngineError(409, `container ${exec.containerId} is not running`);
  const size = exchange.version.isAtLeast(42) ? toTerminalSize(body.ConsoleSize) : {};
  if (body.Detach) {
    try {
      await engine.runtime.containers.execStart(exec.id, { detach: true, ...size });
    } catch (cause) {
      throw startFailure(cause);
    }
    exchange.sendStatus(200);
    return;
  }
  await runAttached(engine, exchange, exec, size);
}

async function runAttached(engine: Engine, exchange: Exchange, exec: Exec, size: ReturnType<typeof toTerminalSize>): Promise<void> {
  const tty = exec.spec.tty ?? false;
  const { input, output } = exchange.hijack(exchange.upgrade ? outputContentType(exchange.version, tty) : 'application/vnd.docker.raw-stream');
  try {
    const process = await engine.runtime.containers.execStart(exec.id, { detach: false, ...size });
    if (process === null) throw new TypeError(`exec ${exec.id} was started without its streams`);
    const detachKeys = tty && exec.spec.attachStdin ? parseDetachKeys(exec.spec.detachKeys ?? null) : null;
    await pumpProcess({ process, input, output, isMultiplexed: !tty, detachKeys, signal: exchange.signal });
  } catch (error) {
    if (exchange.signal.aborted) return;
    // There is no status any more: dockerd too writes the reason into the stream.
    const bytes = Buffer.from(`OCI runtime exec failed: exec failed: ${startFailure(error).message}\r\n`);
    await writeChunk(output, { stream: 'stdout', bytes }, !tty);
    endHijacked(input, output);
  }
}

export async function resizeExec(engine: Engine, exchange: Exchange): Promise<void> {
  const size = terminalSize(exchange);
  const exec = getExec(engine, exchange.param('id'));
  if (!exec.isRunning && exec.exitCode === null) throw new EngineError(409, `exec ${exec.id} is not running`);
  if (exec.isRunning) await engine.runtime.containers.execResize(exec.id, size);
  exchange.sendStatus(200);
}

/** GET /exec/{id}/json */
export function inspectExec(engine: Engine, exchange: Exchange): void {
  const exec = getExec(engine, exchange.param('id'));
  const [entrypoint, ...args] = exec.spec.cmd;
  exchange.sendJson(200, {
    ID: exec.id,
    Running: exec.isRunning,
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: exec.spec.tty ?? false,
      entrypoint: entrypoint ?? '',
      arguments: args,
      privileged: exec.spec.privileged ?? false,
      ...(exec.spec.user ? { user: exec.spec.user } : {}),
    },
    OpenStdin: exec.spec.attachStdin ?? false,
    OpenStderr: exec.spec.attachStderr ?? false,
    OpenStdout: exec.spec.attachStdout ?? false,
    CanRemove: false,
    ContainerID: exec.containerId,
    DetachKeys: Buffer.from(exec.spec.detachKeys ?? '').toString('base64'),
    Pid: exec.pid,
  });
}
