import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { wrongState } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';
import type { ContainerUsage } from './container.ts';
import type { LiveContainer } from './live-container.ts';
import { type ProcessFacts, parsePsArguments, toProcessList } from './process-list.ts';

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

async function readFacts(pid: number): Promise<ProcessFacts | null> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8');
  try {
    const [stat, status, cmdline] = await Promise.all([read('stat'), read('status'), read('cmdline')]);
    return { pid, stat, status, cmdline };
  } catch (error) {
    // Ended while it was looked at.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  }
}

/** Third column of a file like /etc/passwd → the first. */
async function readNames(path: string): Promise<Map<number, string>> {
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  return new Map(lines.map(([name = '', , id = '']) => [Number(id), name]));
}

/** From /proc, in the columns that ps(1) would show: spawning ps would hold up everything else for milliseconds. */
export async function listProcesses(executor: Executor, live: LiveContainer, psArguments: string): Promise<{ titles: string[]; processes: string[][] }> {
  refuseUnlessRunning(live);
  const wanted = parsePsArguments(psArguments.trim() || '-ef');
  const { pids } = await executor.call('container.processes', { containerId: live.id });
  const processes = (await Promise.all(pids.map(readFacts))).filter((facts) => facts !== null);
  const [users, groups, uptimeText] = await Promise.all([readNames('/etc/passwd'), readNames('/etc/group'), readFile('/proc/uptime', 'utf8')]);
  const host = { nowMs: Date.now(), uptimeSeconds: Number(uptimeText.split(' ')[0]), memoryBytes: totalmem(), users, groups };
  return toProcessList(wanted, processes, host);
}
