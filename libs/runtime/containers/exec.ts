import { randomBytes } from 'node:crypto';
import { conflict, hasCode, invalid, notFound, wrongState } from '@gantry/platform/errors';
import type { ContainerTable } from './container-table.ts';
import type { Exec, ExecSpec, TerminalSize } from './containers.ts';
import type { LiveContainer } from './live-container.ts';
import { readAvailableCapabilities, resolveCapabilities } from './oci/capabilities.ts';
import { parseSecurityOptions, toOciCapabilities } from './oci/oci-config.ts';
import { type ProcessUser, resolveUser } from './oci/user.ts';
import type { ProcessStream } from './process-stream.ts';
import { defaultPath, mergeEnv } from './resolve-process.ts';
import { readRootfsFile } from './rootfs-files.ts';
import type { RunParts } from './run-container.ts';
import type { ExecRecord } from './run-record.ts';

/** How long an ended exec can be asked for its exit code. */
const keptMs = 5 * 60 * 1000;
const maxPerContainer = 1024;

/** Of an exec that was lost with its container. */
const lostCode = 137;

/** The container's process has ended, and with it all others. */
export function endExecs(table: ContainerTable, live: LiveContainer): void {
  for (const exec of live.execs.values()) {
    if (!exec.hasStarted || exec.endedAtMs > 0) continue;
    table.saveExec(live, { ...exec, isRunning: false, exitCode: exec.exitCode ?? lostCode, endedAtMs: Date.now(), pid: 0 });
  }
}

/** Further processes in running containers. They outlive the agent, which writes down their ids and asks the shim how they ended. */
export function createExecs(parts: Pick<RunParts, 'executor' | 'snapshots' | 'table' | 'logger'>) {
  const { executor, table } = parts;

  function find(execId: string): { live: LiveContainer; exec: ExecRecord } {
    for (const live of table.list()) {
      const exec = live.execs.get(execId);
      if (exec !== undefined) return { live, exec };
    }
    throw notFound(`No such exec instance: ${execId}`);
  }

  function refuseUnlessRunning(live: LiveContainer): void {
    if (live.record.status === 'paused') throw conflict(`container ${live.id} is paused, unpause the container before exec`);
    if (live.record.status !== 'running') throw conflict(`container ${live.id} is not running`);
  }

  function forgetOld(live: LiveContainer): void {
    const old = Date.now() - keptMs;
    for (const [id, exec] of live.execs) if (exec.endedAtMs > 0 && exec.endedAtMs < old) table.dropExec(live, id);
    // Busy containers make room by forgetting the execs that ended first; only running ones can fill it.
    const ended = [...live.execs].filter(([, exec]) => exec.endedAtMs > 0).sort(([, one], [, other]) => one.endedAtMs - other.endedAtMs);
    for (const [id] of ended.slice(0, Math.max(0, live.execs.size - maxPerContainer + 1))) table.dropExec(live, id);
    if (live.execs.size >= maxPerContainer) throw conflict(`container ${live.id} has ${live.execs.size} exec instances already`);
  }

  async function userOf(live: LiveContainer, user: string): Promise<ProcessUser> {
    const read = async (path: string) => (/^\d+:\d+$/.test(user) ? '' : readRootfsFile(executor, { pid: live.pid }, path));
    return resolveUser(user, await read('/etc/passwd'), await read('/etc/group'), live.record.spec.hostConfig.groupAdd);
  }

  /** An OCI process: the container's own, with what this one asks for. */
  async function toProcess(live: LiveContainer, spec: ExecSpec, size: TerminalSize | undefined): Promise<Record<string, unknown>> {
    const { process, spec: container } = live.record;
    const user = await userOf(live, spec.user || process.user);
    const available = readAvailableCapabilities();
    const capabilities = resolveCapabilities({ ...container.hostConfig, privileged: container.hostConfig.privileged || spec.privileged === true }, available);
    const env = mergeEnv([...process.env, ...(spec.tty === true ? ['TERM=xterm'] : [])], spec.env ?? []);
    return {
      terminal: spec.tty ?? false,
      ...(size === undefined || size.height === 0 ? {} : { consoleSize: size }),
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: spec.cmd,
      env: withDefaults(env, { PATH: defaultPath.slice('PATH='.length), HOME: user.home, HOSTNAME: container.hostname || live.id.slice(0, 12) }),
      cwd: spec.workingDir || process.workingDir || '/',
      capabilities: toOciCapabilities(capabilities, user.uid),
      noNewPrivileges: parseSecurityOptions(container.hostConfig.securityOpt).noNewPrivileges,
    };
  }

  const action = (name: string, spec: ExecSpec) => `${name}: ${spec.cmd.join(' ')}`;

  function change(live: LiveContainer, execId: string, changes: Partial<ExecRecord>): void {
    const exec = live.execs.get(execId);
    if (exec !== undefined) table.saveExec(live, { ...exec, ...changes });
  }

  function recordEnd(live: LiveContainer, execId: string, exitCode: number): void {
    change(live, execId, { isRunning: false, exitCode, endedAtMs: Date.now(), pid: 0 });
  }

  function ended(live: LiveContainer, exec: ExecRecord, exitCode: number): void {
    if ((live.execs.get(exec.id)?.endedAtMs ?? 1) > 0) return;
    recordEnd(live, exec.id, exitCode);
    table.emit(live, 'exec_die', { execID: exec.id, exitCode: String(exitCode) });
  }

  /** Recorded before the stream that tells of it ends, so that whoever saw the end finds the exit code. */
  function recorded(live: LiveContainer, exec: ExecRecord, stream: ProcessStream): ProcessStream {
    const exited = stream.exited.then(async (exit) => {
      if (exit !== null) ended(live, exec, exit.code);
      else watchDetached(live, exec);
      return exit;
    });
    exited.catch(() => undefined);
    return { ...stream, exited };
  }

  /** Nobody reads its output any more, but its end still counts. */
  function watchDetached(live: LiveContainer, exec: ExecRecord): void {
    const signal = live.run?.signal;
    executor
      .shim(live.id)
      .wait(exec.id, signal === undefined ? {} : { signal })
      .then(
        (exit) => ended(live, exec, exit.code),
        (error: unknown) => {
          if (!hasCode(error, 'cancelled')) ended(live, exec, lostCode);
        },
      );
  }

  async function start(execId: string, options: { detach: boolean; consoleSize?: TerminalSize }): Promise<ProcessStream | null> {
    const { live, exec } = find(execId);
    if (exec.hasStarted) throw conflict(`exec ${execId} has already run`);
    refuseUnlessRunning(live);
    const { spec } = exec;
    change(live, execId, { hasStarted: true });
    try {
      const process = await toProcess(live, spec, options.consoleSize ?? spec.consoleSize);
      table.emit(live, action('exec_start', spec), { execID: exec.id });
      change(live, execId, { isRunning: true });
      if (options.detach) {
        const { pid } = await executor.shim(live.id).execDetached({ processId: exec.id, process });
        change(live, execId, { pid });
        watchDetached(live, exec);
        return null;
      }
      const stream = await executor.shim(live.id).exec({ processId: exec.id, process, stdin: spec.attachStdin ?? false });
      change(live, execId, { pid: stream.pid });
      return recorded(live, exec, stream);
    } catch (error) {
      let code = 128;
      if (hasCode(error, 'command-not-found')) code = 127;
      if (hasCode(error, 'permission-denied')) code = 126;
      // What never ran does not die: no event.
      recordEnd(live, execId, code);
      throw hasCode(error, 'not-found') ? wrongState(`container ${live.id} is not running`, { cause: error }) : error;
    }
  }

  return {
    create(live: LiveContainer, spec: ExecSpec, { isProbe = false } = {}): string {
      if (spec.cmd.length === 0) throw invalid('No exec command specified');
      refuseUnlessRunning(live);
      forgetOld(live);
      const id = randomBytes(32).toString('hex');
      table.saveExec(live, { id, containerId: live.id, spec, isRunning: false, hasStarted: false, exitCode: null, pid: 0, endedAtMs: 0, isProbe });
      table.emit(live, action('exec_create', spec), { execID: id });
      return id;
    },
    start,
    /** Of a container that ended while nobody looked: how its execs ended before it, as far as its shim knew. */
    async takeEnds(live: LiveContainer): Promise<void> {
      if (![...live.execs.values()].some((exec) => exec.hasStarted && exec.endedAtMs === 0)) return;
      const { exits } = await executor.call('container.execs', { containerId: live.id });
      for (const { processId, exit } of exits) {
        const exec = live.execs.get(processId);
        if (exec !== undefined) ended(live, exec, exit.code);
      }
    },
    /** Of a container found running: the execs of the agent before this one run on, or have ended meanwhile. */
    takeUp(live: LiveContainer): void {
      for (const exec of live.execs.values()) if (exec.hasStarted && exec.endedAtMs === 0) watchDetached(live, exec);
    },
    async resize(execId: string, size: TerminalSize): Promise<void> {
      const { live, exec } = find(execId);
      if (!exec.isRunning) throw wrongState(`exec ${execId} is not running`);
      await executor.shim(live.id).resize(exec.id, size);
    },
    async kill(execId: string): Promise<void> {
      const { live, exec } = find(execId);
      await executor.shim(live.id).signal(exec.id, 9);
    },
    get(execId: string): Exec {
      const { live, exec } = find(execId);
      return { id: exec.id, containerId: live.id, spec: exec.spec, isRunning: exec.isRunning, exitCode: exec.exitCode, pid: exec.pid };
    },
  };
}

function withDefaults(env: readonly string[], defaults: Readonly<Record<string, string>>): string[] {
  const missing = Object.entries(defaults).filter(([name]) => !env.some((entry) => entry.startsWith(`${name}=`)));
  return [...env, ...missing.map(([name, value]) => `${name}=${value}`)];
}

export type Execs = ReturnType<typeof createExecs>;
