import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { busyboxArchive } from '@gantry/testing/images';
import { AgentProcess } from '../apps/agent/test/agent-process.ts';
import { Dockerd } from '../apps/agent/test/daemon/dockerd.ts';
import { ask } from '../apps/agent/test/daemon/raw-engine.ts';
import { cliOutput } from '../apps/agent/test/daemon/run-cli.ts';
import type { Bench, Case } from '../tools/bench/bench.ts';
import { memoryOf, parentOf, treeOf } from '../tools/bench/processes.ts';
import { build } from '../tools/build/build.ts';

const containers = 300;
const parallel = 4;
const settledMs = 3000;
const maxStarts = 3;

/** An engine with that many idle containers. */
interface Side {
  readonly socket: string;
  readonly pid: () => number;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
}

interface Memory {
  /** Of the engine's daemons, MiB. */
  readonly daemonsMib: number;
  /** Of daemons and shims, what they share divided, KiB a container. */
  readonly perContainerKib: number;
}

interface Listed {
  readonly State: string;
}

async function list(side: Side): Promise<readonly Listed[]> {
  const { status, body } = await ask(side.socket, 'GET', '/containers/json?all=1');
  if (status !== 200) throw new Error(`listing answers ${status}`);
  return JSON.parse(body);
}

async function fill(side: Side, directory: string): Promise<void> {
  const docker = (line: string) => cliOutput(line, { socket: side.socket, directory, timeoutMs: 590_000 });
  await docker(`docker load -q -i ${directory}/bb.tar`);
  await docker(`seq ${containers} | xargs -P ${parallel} -I{} docker run -d --name idle{} bb:1 sleep 100000`);
}

async function shimsOf(side: Side, directory: string): Promise<number[]> {
  const options = { socket: side.socket, directory, timeoutMs: 120_000 };
  const pids = await cliOutput(`docker ps -q | xargs docker inspect -f '{{.State.Pid}}'`, options);
  const shims = await Promise.all(pids.split('\n').map((pid) => parentOf(Number(pid))));
  return [...new Set(shims)];
}

async function measureMemory(side: Side, directory: string): Promise<Memory> {
  await pause(settledMs);
  const shims = await shimsOf(side, directory);
  const tree = await treeOf(side.pid());
  // Shims may be the daemon's children, containers the shims'.
  const below = new Set(await treeOf(...shims));
  const daemons = tree.filter((pid) => !below.has(pid));
  const [own, all] = [await memoryOf(daemons), await memoryOf([...daemons, ...shims])];
  return { daemonsMib: own.rss / 1024, perContainerKib: all.pss / containers };
}

async function measureList(side: Side): Promise<number> {
  const started = performance.now();
  const found = await list(side);
  if (found.length !== containers) throw new Error(`${found.length} containers are listed`);
  return performance.now() - started;
}

/** From the start of a new daemon to its first answer that all of them run. */
async function measureTakeUp(side: Side): Promise<number> {
  await side.kill();
  const started = performance.now();
  await side.start();
  while ((await list(side)).filter(({ State }) => State === 'running').length < containers) await pause(20);
  return (performance.now() - started) / 1000;
}

/** Its containerd may take longer with so many than dockerd waits for it: whoever keeps the service starts it again, and that counts. */
async function startAgain(dockerd: Dockerd): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await dockerd.start();
    } catch (error) {
      if (attempt === maxStarts) throw error;
    }
  }
}

function cases(ours: Side, theirs: Side, directory: string): Case[] {
  const memory = new Map<Side, Memory>();
  const measured = async (side: Side): Promise<Memory> => {
    const found = await measureMemory(side, directory);
    memory.set(side, found);
    return found;
  };
  const known = (side: Side) => async () => memory.get(side)?.perContainerKib ?? Number.NaN;
  const rival = 'dockerd 20.10, containerd';
  const takeUp = () => measureTakeUp(ours);
  return [
    {
      name: `memory of the daemons, ${containers} idle containers (RSS)`,
      unit: 'MiB',
      ours: async () => (await measured(ours)).daemonsMib,
      rival: { name: rival, measure: async () => (await measured(theirs)).daemonsMib },
      wanted: '<= 1',
    },
    { name: 'daemons and shims, a container (PSS)', unit: 'KiB', ours: known(ours), rival: { name: rival, measure: known(theirs) }, wanted: '<= 1' },
    { name: 'list all', unit: 'ms', ours: () => measureList(ours), rival: { name: rival, measure: () => measureList(theirs) }, wanted: '<= 1' },
    { name: 'take all up again after kill -9', unit: 's', ours: takeUp, rival: { name: rival, measure: () => measureTakeUp(theirs) }, wanted: '<= 1' },
    { name: 'take all up again after kill -9', unit: 's', ours: takeUp, rival: { name: 'limit', measure: async () => 2 }, wanted: '<= 1' },
  ];
}

export const bench: Bench = {
  name: 'density',
  rounds: 5,
  open: async () => {
    await build(['executor', 'agent']);
    const parts = new AsyncDisposableStack();
    try {
      const directory = await mkdtemp(join(tmpdir(), 'bench-density-'));
      parts.defer(() => rm(directory, { recursive: true, force: true }));
      await writeFile(join(directory, 'bb.tar'), await busyboxArchive({ reference: 'bb:1', cmd: ['sh'] }));
      const agent = await AgentProcess.create({ octet: 234, prefixLength: 16, isBuilt: true });
      parts.defer(() => agent.destroy());
      const dockerd = await Dockerd.create({ prefix: '10.235.0', isLiveRestoring: true });
      parts.defer(() => dockerd.destroy());
      await Promise.all([agent.start(), dockerd.start()]);
      const ours: Side = {
        socket: agent.engineSocket,
        pid: () => agent.pid,
        start: () => agent.start(),
        kill: async () => {
          await agent.end('SIGKILL');
        },
      };
      const theirs: Side = { socket: dockerd.socket, pid: () => dockerd.pid, start: () => startAgain(dockerd), kill: () => dockerd.kill() };
      for (const side of [ours, theirs]) await fill(side, directory);
      return { cases: cases(ours, theirs, directory), close: () => parts.disposeAsync() };
    } catch (error) {
      await parts.disposeAsync();
      throw error;
    }
  },
};
