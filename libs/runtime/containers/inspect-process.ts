import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { invalid, operational, wrongState } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';
import type { ContainerUsage } from './container.ts';
import type { LiveContainer } from './live-container.ts';

const run = promisify(execFile);
/** USER_HZ: fixed at 100 on Linux, whatever the kernel's own tick. */
const nsPerTick = 10_000_000;

export function refuseUnlessRunning(live: LiveContainer): void {
  if (!live.hasProcess) throw wrongState(`container ${live.id} is not running`);
}

/** The first eight columns of /proc/stat's first line; guest time is in user time already. */
export function parseHostCpuNs(stat: string): number {
  const columns = /^cpu\s+(.*)$/m.exec(stat)?.[1]?.split(/\s+/).slice(0, 8).map(Number) ?? [];
  return columns.reduce((sum, ticks) => sum + ticks, 0) * nsPerTick;
}

export async function readUsage(executor: Executor, live: LiveContainer): Promise<ContainerUsage> {
  refuseUnlessRunning(live);
  const stats = await executor.call('container.stats', { containerId: live.id });
  return { stats, hostCpuNs: parseHostCpuNs(await readFile('/proc/stat', 'utf8')), onlineCpus: availableParallelism() };
}

/** Keeps the lines of ps(1) whose PID is one of `pids`. */
export function filterProcesses(output: string, pids: readonly number[]): { titles: string[]; processes: string[][] } {
  const [header = '', ...lines] = output.split('\n');
  const titles = header.trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) throw invalid("couldn't find PID field in ps output");
  const wanted = new Set(pids.map(String));
  const processes = lines
    .map((line) => {
      const words = line.trim().split(/\s+/);
      // The last column is the command, spaces and all.
      return words.length > titles.length ? [...words.slice(0, titles.length - 1), words.slice(titles.length - 1).join(' ')] : words;
    })
    .filter((words) => wanted.has(words[pidColumn] ?? ''));
  return { titles, processes };
}

export async function listProcesses(executor: Executor, live: LiveContainer, psArguments: string): Promise<{ titles: string[]; processes: string[][] }> {
  refuseUnlessRunning(live);
  const { pids } = await executor.call('container.processes', { containerId: live.id });
  const words = (psArguments.trim() || '-ef').split(/\s+/);
  try {
    const { stdout } = await run('ps', words, { maxBuffer: 16 << 20, timeout: 10_000 });
    return filterProcesses(stdout, pids);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      throw operational('unavailable', 'the ps program (package procps) is not installed', { cause });
    if (cause instanceof Error && 'stderr' in cause) throw invalid(`ps: ${String(cause.stderr).trim().split('\n')[0]}`, { cause });
    throw cause;
  }
}
