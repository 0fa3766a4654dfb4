import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../process/run.ts';

/** By what an installation's traces in the kernel are told from anyone else's. */
export interface Names {
  readonly dataDir: string;
  readonly bridge: string;
  readonly cgroupParent: string;
  /** What the agents in that data directory call their interfaces, nftables tables and runtime state. */
  readonly instances: readonly string[];
}

/** As apps/agent/src/config.ts derives it. */
export const instanceOf = (agentDataDir: string): string => `g${createHash('sha256').update(agentDataDir).digest('hex').slice(0, 7)}`;

const stateDirOf = (instance: string): string => `/run/gantry/${instance}`;

const placesOf = ({ dataDir, instances }: Names): string[] => [dataDir, ...instances.map(stateDirOf)];

interface NamedProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes that were started with one of these places in their arguments or environment, or stand in one. */
async function processesOf(places: readonly string[]): Promise<NamedProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const looked = await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const [command, variables, directory] = [await read('cmdline'), await read('environ'), await readlink(`/proc/${pid}/cwd`).catch(() => '')];
      return {
        pid: Number(pid),
        command: command.replaceAll('\0', ' ').trim(),
        isOurs: [command, variables, directory].some((text) => places.some((place) => text.includes(place))),
      };
    }),
  );
  return looked.filter(({ isOurs }) => isOurs);
}

async function linesWith(file: string, places: readonly string[]): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.filter((line) => places.some((place) => line.includes(place)));
}

async function mountsOf(places: readonly string[]): Promise<string[]> {
  return (await linesWith('/proc/self/mountinfo', places)).map((line) => line.split(' ')[4] ?? '');
}

async function cgroupsUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(entries.filter((entry) => entry.isDirectory()).map((entry) => cgroupsUnder(join(directory, entry.name))));
  return entries.length === 0 ? [] : [...below.flat(), directory];
}

/** Deepest first, so that they can be removed in this order. Version 2 has one tree, version 1 one a controller. */
async function cgroupsOf(parent: string): Promise<string[]> {
  const trees = ['/sys/fs/cgroup', ...(await readdir('/sys/fs/cgroup')).map((name) => join('/sys/fs/cgroup', name))];
  return (await Promise.all(trees.map((tree) => cgroupsUnder(join(tree, parent))))).flat();
}

async function processesIn(cgroups: readonly string[]): Promise<Set<number>> {
  const lists = await Promise.all(cgroups.map((path) => readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '')));
  return new Set(lists.flatMap((list) => list.split('\n').filter(Boolean).map(Number)));
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function tablesOf({ bridge, instances }: Names): Promise<string[]> {
  const { output } = await run('nft', ['list', 'tables']);
  return output.split('\n').filter((line) => [bridge, ...instances].some((name) => line.includes(name)));
}

/** The bridges of networks that users made: their names are the networks', only the agent's rules tell whose they are. */
async function networkBridgesOf(names: Names): Promise<string[]> {
  const rules = await Promise.all((await tablesOf(names)).map((table) => run('nft', ['list', ...table.split(' ')])));
  return [...new Set(rules.flatMap(({ output }) => output.match(/\bgn-[0-9a-f]{12}\b/g) ?? []))];
}

async function interfacesOf(names: Names): Promise<string[]> {
  const bridges = [names.bridge, ...(await networkBridgesOf(names))];
  const { output } = await run('ip', ['-o', 'link']);
  const isOurs = (line: string): boolean =>
    bridges.some((bridge) => line.includes(` master ${bridge} `)) || [...bridges, ...names.instances].some((name) => line.split(': ')[1]?.startsWith(name));
  return output
    .split('\n')
    .filter(isOurs)
    .map((line) => line.split(': ')[1]?.split('@')[0] ?? '');
}

async function tracesOf(names: Names): Promise<{ containers: string[]; host: string[] }> {
  const places = placesOf(names);
  const cgroups = await cgroupsOf(names.cgroupParent);
  const isParent = (path: string) => path.endsWith(`/${names.cgroupParent}`);
  const interfaces = await interfacesOf(names);
  return {
    // What belongs to containers and to the processes that serve them.
    containers: [
      ...(await processesOf(places)).map(({ pid, command }) => `process ${pid}: ${command}`),
      ...(await mountsOf(places)).map((path) => `mount ${path}`),
      ...(await linesWith('/proc/net/unix', places)).map((line) => `socket ${line.split(' ').at(-1)}`),
      ...cgroups.filter((path) => !isParent(path)).map((path) => `cgroup ${path}`),
      ...interfaces.filter((name) => name !== names.bridge).map((name) => `interface ${name}`),
    ],
    // What a node keeps for its next start: the bridge, its rules, the cgroup of its containers.
    host: [
      ...cgroups.filter(isParent).map((path) => `cgroup ${path}`),
      ...interfaces.filter((name) => name === names.bridge).map((name) => `interface ${name}`),
      ...(await tablesOf(names)),
    ],
  };
}

/** What a stopped Gantry without containers must not leave behind. */
export async function leftoversOf(names: Names): Promise<string[]> {
  return (await tracesOf(names)).containers;
}

/** Removes every trace of a stopped installation from the host, and says what would not go. */
export async function sweep(names: Names): Promise<string[]> {
  const places = placesOf(names);
  for (const { pid } of await processesOf(places)) killIfThere(pid);
  // What a container runs names no place of ours; its control group does.
  for (const pid of await processesIn(await cgroupsOf(names.cgroupParent))) killIfThere(pid);
  for (const path of (await mountsOf(places)).toReversed()) await run('umount', ['-l', path]);
  for (const name of await interfacesOf(names)) await run('ip', ['link', 'delete', name]);
  for (const table of await tablesOf(names)) await run('nft', ['delete', ...table.split(' ')]);
  // A killed process leaves its cgroup a moment later; whatever stays is reported below.
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const cgroups = await cgroupsOf(names.cgroupParent);
    if (cgroups.length === 0) break;
    for (const path of cgroups) await rmdir(path).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const place of places) await rm(place, { recursive: true, force: true });
  const { containers, host } = await tracesOf(names);
  return [...containers, ...host, ...places.filter(existsSync)];
}
