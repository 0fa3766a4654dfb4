import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startRegistry } from '@gantry/testing/registry';
import { AgentProcess } from '../apps/agent/test/agent-process.ts';
import { Dockerd } from '../apps/agent/test/daemon/dockerd.ts';
import { cliOutput } from '../apps/agent/test/daemon/run-cli.ts';
import type { Bench, Case } from '../tools/bench/bench.ts';
import { cpuSeconds } from '../tools/bench/processes.ts';
import { build } from '../tools/build/build.ts';
import { runOrFail } from '../tools/process/run.ts';

const smallFiles = 100_000;
const debian = ['--variant=essential', '--include=apt,perl,python3,git,openssh-client,vim', 'bookworm'];

interface Side {
  readonly socket: string;
  readonly pid: number;
  readonly directory: string;
  /** Nothing of a removed image is still being deleted. */
  readonly isIdle: () => Promise<boolean>;
}

const shell = (line: string) => runOrFail('sh', ['-ec', line]);
const docker = (side: Side, line: string) => cliOutput(`docker ${line}`, { socket: side.socket, directory: side.directory, timeoutMs: 300_000 });

/** A docker-archive whose layers are plain tars, as dockerd writes it. */
async function writeArchive(directory: string, name: string, layers: readonly string[]): Promise<void> {
  const digests = (await shell(`sha256sum ${layers.join(' ')}`))
    .trim()
    .split('\n')
    .map((line) => `sha256:${line.slice(0, 64)}`);
  const config = { architecture: process.arch === 'arm64' ? 'arm64' : 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: digests } };
  const root = join(directory, `${name}.archive`);
  await mkdir(root);
  await writeFile(join(root, 'config.json'), JSON.stringify(config));
  const table = [{ Config: 'config.json', RepoTags: [`${name}:1`], Layers: layers.map((_, index) => `${index}.tar`) }];
  await writeFile(join(root, 'manifest.json'), JSON.stringify(table));
  for (const [index, layer] of layers.entries()) await shell(`ln ${layer} ${root}/${index}.tar`);
  await shell(`tar -cf ${directory}/${name}.tar -C ${root} . && rm -r ${root}`);
}

/** Into so many tars of about the same size, each directory before what is in it. */
async function split(root: string, directory: string, count: number): Promise<string[]> {
  await shell(`cd ${root} && find . -mindepth 1 -printf '%s\\t%p\\n' | LC_ALL=C sort -k2 > ${directory}/list`);
  await shell(
    `awk -F'\\t' -v n=${count} '{size[NR]=$1+512; path[NR]=$2; total+=$1+512} END {for (i=1;i<=NR;i++) {print path[i] > ("${directory}/part." int(sum*n/total)); sum+=size[i]}}' ${directory}/list`,
  );
  const parts = (await readdir(directory)).filter((name) => name.startsWith('part.')).sort();
  for (const part of parts) await shell(`tar -cf ${directory}/${part}.tar --no-recursion -C ${root} -T ${directory}/${part}`);
  return parts.map((part) => join(directory, `${part}.tar`));
}

async function makeImages(directory: string): Promise<{ name: string; title: string; wanted: string }[]> {
  const whole = join(directory, 'whole.tar');
  await shell(`mmdebstrap --quiet --mode=root ${debian.join(' ')} ${whole} && mkdir ${directory}/root && tar -xf ${whole} -C ${directory}/root`);
  await writeArchive(directory, 'one', [whole]);
  await writeArchive(directory, 'ten', await split(join(directory, 'root'), directory, 10));
  const many = join(directory, 'many');
  for (let index = 0; index < smallFiles; index++) {
    if (index % 100 === 0) await mkdir(join(many, `d${index / 100}`), { recursive: true });
    await writeFile(join(many, `d${Math.floor(index / 100)}`, `f${index}`), `${index} `.repeat(20 + (index % 100)));
  }
  await shell(`tar -cf ${directory}/many.layer -C ${many} .`);
  await writeArchive(directory, 'many', [join(directory, 'many.layer')]);
  const megabytes = Math.round((await stat(whole)).size / 1e6);
  await shell(`rm -r ${many} ${directory}/root ${directory}/many.layer ${whole} ${directory}/part.* ${directory}/list`);
  return [
    { name: 'one', title: `(a) Debian, ${megabytes} MB in one layer`, wanted: '<= 0.667' },
    { name: 'ten', title: '(b) the same in 10 layers', wanted: '<= 0.5' },
    { name: 'many', title: `(c) ${smallFiles} small files`, wanted: '<= 0.5' },
  ];
}

/** One operation, from nothing: seconds it takes, and seconds the engine and all its processes compute meanwhile. */
async function measure(side: Side, line: string, image: string): Promise<{ wall: number; cpu: number }> {
  await shell('sync');
  const [before, started] = [await cpuSeconds(side.pid), performance.now()];
  await docker(side, line);
  const wall = (performance.now() - started) / 1000;
  const cpu = (await cpuSeconds(side.pid)) - before;
  process.stderr.write(`${line}: ${wall.toFixed(2)} s, ${cpu.toFixed(2)} s CPU\n`);
  await docker(side, `rmi ${image}`);
  while (!(await side.isIdle())) await pause(50);
  return { wall, cpu };
}

/** What was measured by one case and is shown by the next one too. */
function pairOf(title: string, wanted: string, sides: readonly [Side, Side], line: string, image: string): Case[] {
  const cpu = new Map<Side, number>();
  const wallOf = (side: Side) => async () => {
    const measured = await measure(side, line, image);
    cpu.set(side, measured.cpu);
    return measured.wall;
  };
  const cpuOf = (side: Side) => async () => cpu.get(side) ?? Number.NaN;
  const [ours, theirs] = sides;
  return [
    { name: title, unit: 's', ours: wallOf(ours), rival: { name: 'dockerd 20.10', measure: wallOf(theirs) }, wanted },
    { name: `${title}: CPU`, unit: 's', ours: cpuOf(ours), rival: { name: 'dockerd 20.10', measure: cpuOf(theirs) }, wanted: null },
  ];
}

export const bench: Bench = {
  name: 'unpack',
  rounds: 5,
  open: async () => {
    await build(['executor', 'agent']);
    const parts = new AsyncDisposableStack();
    try {
      const directory = await mkdtemp(join(tmpdir(), 'bench-unpack-'));
      parts.defer(() => rm(directory, { recursive: true, force: true }));
      const dockerd = await Dockerd.create({ prefix: '10.233.0' });
      parts.defer(() => dockerd.destroy());
      await dockerd.start();
      const registry = await startRegistry({ host: dockerd.gateway });
      parts.defer(() => registry.close());
      const agent = await AgentProcess.create({ octet: 232, isBuilt: true, env: { GANTRY_INSECURE_REGISTRIES: registry.domain } });
      parts.defer(() => agent.destroy());
      await agent.start();
      const trash = join(agent.dataDir, 'snapshots/trash');
      const ours: Side = { socket: agent.engineSocket, pid: agent.pid, directory, isIdle: async () => (await readdir(trash)).length === 0 };
      const theirs: Side = { socket: dockerd.socket, pid: dockerd.pid, directory, isIdle: async () => true };
      const images = await makeImages(directory);
      for (const { name } of images) {
        await shell(`skopeo --insecure-policy copy -q --dest-tls-verify=false docker-archive:${directory}/${name}.tar docker://${registry.domain}/${name}:1`);
      }
      const cases = images.flatMap(({ name, title, wanted }) => [
        ...pairOf(`pull ${title}`, wanted, [ours, theirs], `pull -q ${registry.domain}/${name}:1`, `${registry.domain}/${name}:1`),
        ...pairOf(`load ${title}`, wanted, [ours, theirs], `load -q -i ${name}.tar`, `${name}:1`),
      ]);
      return { cases, close: () => parts.disposeAsync() };
    } catch (error) {
      await parts.disposeAsync();
      throw error;
    }
  },
};
