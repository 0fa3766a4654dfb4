import { readdir, readFile } from 'node:fs/promises';

const clockTicksPerSecond = 100;

/** What /proc/PID/stat has after the name, from the state on; null when it is gone. */
async function statOf(pid: number): Promise<string[] | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return text === null ? null : text.slice(text.lastIndexOf(') ') + 2).split(' ');
}

export async function parentOf(pid: number): Promise<number> {
  return Number((await statOf(pid))?.[1] ?? 0);
}

/** Processes and all that descend from them. */
export async function treeOf(...roots: readonly number[]): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(await Promise.all(pids.map(async (pid) => [pid, await parentOf(pid)] as const)));
  const tree = [...roots];
  for (let index = 0; index < tree.length; index++) tree.push(...pids.filter((pid) => parents.get(pid) === tree[index]));
  return tree;
}

/** Seconds that a process, its descendants, and those of them that ended and were waited for have computed. */
export async function cpuSeconds(root: number): Promise<number> {
  const stats = await Promise.all((await treeOf(root)).map(statOf));
  // utime, stime, cutime, cstime
  const ticks = stats.flatMap((stat) => stat?.slice(11, 15).map(Number) ?? []);
  return ticks.reduce((sum, one) => sum + one, 0) / clockTicksPerSecond;
}

/** Of processes together, KiB: `pss` divides what they share. */
export async function memoryOf(pids: readonly number[]): Promise<{ pss: number; rss: number }> {
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/smaps_rollup`, 'utf8')));
  const total = (name: string) => texts.reduce((sum, text) => sum + Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN), 0);
  return { pss: total('Pss'), rss: total('Rss') };
}
