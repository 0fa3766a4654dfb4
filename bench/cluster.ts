import type { Bench, Case } from '../tools/bench/bench.ts';
import { build } from '../tools/build/build.ts';
import { LoadedCluster, type Rest, type Strain } from './cluster/loaded-cluster.ts';

const tasksPerNode = 30;
const steadySeconds = 20;
const nodesLost = 50;

const limit = (value: number) => ({ name: 'limit', measure: async () => value });

/** One cluster of so many nodes, and what was measured on it beside the case's own figure. */
class Scene {
  #cluster: LoadedCluster | null = null;
  #strain: Strain = { get: Number.NaN, post: Number.NaN, failed: Number.NaN, apiCpuMs: Number.NaN };
  #rest: Rest | null = null;
  #harmed = Number.NaN;

  async at(nodes: number): Promise<LoadedCluster> {
    if (this.#cluster?.agents.length === nodes) return this.#cluster;
    await this.close();
    this.#cluster = await LoadedCluster.open(nodes);
    return this.#cluster;
  }

  get here(): LoadedCluster {
    if (this.#cluster === null) throw new Error('the cases before this one failed');
    return this.#cluster;
  }

  async probed(work: (cluster: LoadedCluster) => Promise<number>): Promise<number> {
    const { seconds, ...strain } = await this.here.whileProbed(() => work(this.here));
    this.#strain = strain;
    return seconds;
  }

  get strain(): Strain {
    return this.#strain;
  }

  /** Of the last restart of the api. */
  get harmed(): number {
    return this.#harmed;
  }

  async restartApi(): Promise<number> {
    const { seconds, harmed } = await this.here.restartApi();
    this.#harmed = harmed;
    return seconds;
  }

  async takeRest(): Promise<number> {
    this.#rest = await this.here.rest(steadySeconds);
    return this.#rest.apiCpu;
  }

  async lastRest(): Promise<Rest> {
    if (this.#rest === null) throw new Error('the case before this one failed');
    return this.#rest;
  }

  async close(): Promise<void> {
    await this.#cluster?.close();
    this.#cluster = null;
  }
}

function casesOf(scene: Scene, nodes: number): Case[] {
  const tasks = nodes * tasksPerNode;
  const watched = { rival: null, wanted: null };
  return [
    {
      name: `${nodes} nodes: one service to ${tasks} tasks`,
      unit: 's',
      ours: async () => {
        await scene.at(nodes);
        return scene.probed((cluster) => cluster.scaleUp(tasks));
      },
      rival: limit(30),
      wanted: '<= 1',
    },
    { name: `${nodes} nodes: p99 of GETs meanwhile`, unit: 'ms', ours: async () => scene.strain.get, rival: limit(150), wanted: '<= 1' },
    { name: `${nodes} nodes: p99 of POSTs meanwhile`, unit: 'ms', ours: async () => scene.strain.post, rival: limit(300), wanted: '<= 1' },
    { name: `${nodes} nodes: requests that failed meanwhile`, unit: '', ours: async () => scene.strain.failed, ...watched },
    { name: `${nodes} nodes: the api’s processor time a task`, unit: 'ms', ours: async () => scene.strain.apiCpuMs / tasks, ...watched },
    { name: `${nodes} nodes, ${tasks} tasks: api at rest, of one core`, unit: '%', ours: () => scene.takeRest(), ...watched },
    { name: `${nodes} nodes, ${tasks} tasks: rows written at rest`, unit: '1/s', ours: async () => (await scene.lastRest()).rowsWritten, ...watched },
    { name: `${nodes} nodes, ${tasks} tasks: transactions at rest`, unit: '1/s', ours: async () => (await scene.lastRest()).transactions, ...watched },
    { name: `${nodes} nodes, ${tasks} tasks: api’s memory`, unit: 'MiB', ours: async () => (await scene.here.residentMegabytes()).now, ...watched },
    { name: `${nodes} nodes, ${tasks} tasks: api’s highest memory`, unit: 'MiB', ours: async () => (await scene.here.residentMegabytes()).peak, ...watched },
  ];
}

export const bench: Bench = {
  name: 'cluster',
  rounds: 1,
  open: async () => {
    await build(['prisma', 'api']);
    const scene = new Scene();
    const watched = { rival: null, wanted: null };
    const latencies = (what: string): Case[] => [
      { name: `1000 nodes, ${what}: p99 of GETs`, unit: 'ms', ours: async () => scene.strain.get, rival: limit(150), wanted: '<= 1' },
      { name: `1000 nodes, ${what}: p99 of POSTs`, unit: 'ms', ours: async () => scene.strain.post, rival: limit(300), wanted: '<= 1' },
    ];
    const onThousand: Case[] = [
      {
        name: '1000 nodes: rolling update of 3000 tasks, 100 at a time',
        unit: 's',
        ours: async () => {
          await scene.here.scaleUp(3_000);
          return scene.probed((cluster) => cluster.rollOut());
        },
        ...watched,
      },
      ...latencies('rolling update'),
      { name: '1000 nodes: api killed, until all agents are connected again', unit: 's', ours: () => scene.restartApi(), ...watched },
      { name: '1000 nodes: nodes given up and tasks begun for that', unit: '', ours: async () => scene.harmed, ...watched },
      {
        name: `1000 nodes, ${nodesLost} of them lost: until their tasks run elsewhere`,
        unit: 's',
        ours: () => scene.probed((cluster) => cluster.loseNodes(nodesLost)),
        ...watched,
      },
      ...latencies(`${nodesLost} lost`),
    ];
    return { cases: [...[100, 300, 1_000].flatMap((nodes) => casesOf(scene, nodes)), ...onThousand], close: () => scene.close() };
  },
};
