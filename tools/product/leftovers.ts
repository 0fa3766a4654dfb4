import { readdir, readFile, readlink, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../process/run.ts';

/** By what an installation's traces in the kernel are told from anyone else's. */
export interface Names {
  readonly dataDir: string;
  /** Also the start of the name of its nftables table and of its other interfaces. */
  readonly bridge: string;
  readonly cgroupParent: string;
}

interface NamedProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes that were started with the data directory in their arguments or environment, or stand in it. */
export async function processesOf(dataDir: string): Promise<NamedProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const looked = await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const [command, variables, directory] = [await read('cmdline'), await read('environ'), await readlink(`/proc/${pid}/cwd`).catch(() => '')];
      return {
        pid: Number(pid),
        command: command.replaceAll('\0', ' ').trim(),
        isOurs: [command, variables, directory].some((text) => text.includes(dataDir)),
      };
    }),
  );
  return looked.filter(({ isOurs }) => isOurs);
}

const linesWith = async (file: string, text: string): Promise<string[]> => (await readFile(file, 'utf8')).split('\n').filter((line) => line.includes(text));

export async function mountsOf(dataDir: string): Promise<string[]> {
  return (await linesWith('/proc/self/mountinfo', dataDir)).map((line) => line.split(' ')[4] ?? '');
}

async function cgroupsUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(entries.filter((entry) => entry.isDirectory()).map((entry) => cgroupsUnder(join(directory, entry.name))));
  return entries.length === 0 ? [] : [...below.flat(), directory];
}

/** Deepest first, so that they can be removed in this order. Version 2 has one tree, version 1 one a controller. */
export async function cgroupsOf(parent: string): Promise<string[]> {
  const trees = ['/sys/fs/cgroup', ...(await readdir('/sys/fs/cgroup')).map((name) => join('/sys/fs/cgroup', name))];
  return (await Promise.all(trees.map((tree) => cgroupsUnder(join(tree, parent))))).flat();
}

async function interfacesOf(bridge: string): Promise<string[]> {
  const { output } = await run('ip', ['-o', 'link']);
  const names = output.split('\n').filter((line) => line.includes(` master ${bridge} `) || new RegExp(`^\\d+: ${bridge}`).test(line));
  return names.map((line) => line.split(': ')[1]?.split('@')[0] ?? '');
}

async function tablesOf(bridge: string): Promise<string[]> {
  const { output } = await run('nft', ['list', 'tables']);
  return output.split('\n').filter((line) => line.includes(bridge));
}

async function tracesOf({ dataDir, bridge, cgroupParent }: Names): Promise<{ containers: string[]; host: string[] }> {
  const cgroups = await cgroupsOf(cgroupParent);
  const isParent = (path: string) => path.endsWith(`/${cgroupParent}`);
  const interfaces = await interfacesOf(bridge);
  return {
    // What belongs to containers and to the processes that serve them.
    containers: [
      ...(await processesOf(dataDir)).map(({ pid, command }) => `process ${pid}: ${command}`),
      ...(await mountsOf(dataDir)).map((path) => `mount ${path}`),
      ...(await linesWith('/proc/net/unix', dataDir)).map((line) => `socket ${line.split(' ').at(-1)}`),
      ...cgroups.filter((path) => !isParent(path)).map((path) => `cgroup ${path}`),
      ...interfaces.filter((name) => name !== bridge).map((name) => `interface ${name}`),
    ],
    // What a node keeps for its next start: the bridge, its rules, the cgroup of its containers.
    host: [
      ...cgroups.filter(isParent).map((path) => `cgroup ${path}`),
      ...interfaces.filter((name) => name === bridge).map((name) => `interface ${name}`),
      ...(await tablesOf(bridge)).map((table) => table),
    ],
  };
}

/** What a stopped Gantry without containers must not leave behind. */
export async function leftoversOf(names: Names): Promise<string[]> {
  return (await tracesOf(names)).containers;
}

/** Removes every trace of a stopped installation from the kernel, and says what would not go. */
export async function sweep(names: Names): Promise<string[]> {
  for (const { pid } of await processesOf(names.dataDir)) process.kill(pid, 'SIGKILL');
  for (const path of (await mountsOf(names.dataDir)).toReversed()) await run('umount', ['-l', path]);
  for (const name of await interfacesOf(names.bridge)) await run('ip', ['link', 'delete', name]);
  for (const table of await tablesOf(names.bridge)) await run('nft', ['delete', ...table.split(' ')]);
  // A killed process leaves its cgroup a moment later; whatever stays is reported below.
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const cgroups = await cgroupsOf(names.cgroupParent);
    if (cgroups.length === 0) break;
    for (const path of cgroups) await rmdir(path).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { containers, host } = await tracesOf(names);
  return [...containers, ...host];
}
