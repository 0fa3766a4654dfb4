import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@gantry/platform/node';
import { startExecutor } from '@gantry/runtime/executor';
import type { Bench, Case, Measure, Rival } from '../tools/bench/bench.ts';
import { makeBundle } from '../tools/bench/bundle.ts';
import { build } from '../tools/build/build.ts';
import { root } from '../tools/process/paths.ts';
import { run, runOrFail } from '../tools/process/run.ts';
import { ensurePackages, missingPackages } from '../tools/setup/debian-packages.ts';

const executorDirectory = join(root, 'apps/agent/executor');
const executorPath = join(executorDirectory, 'target/release/gantry-executor');
const timed = join(executorDirectory, 'target/release/examples/timed');
const floor = join(executorDirectory, 'target/release/examples/floor');
const runsPerRound = 10;

interface Bundles {
  readonly directory: string;
  readonly true: string;
  readonly idle: string;
}

type Step = readonly string[];

/** A runtime behind runc's command line, with a state directory of its own. */
class Runtime {
  readonly name: string;
  readonly #command: Step;
  readonly #prelude: readonly string[];

  /** `prelude` runs before the measured commands, in a mount namespace of their own. */
  constructor(name: string, path: string, stateDirectory: string, prelude: readonly string[] = []) {
    this.name = name;
    this.#command = [path, '--root', stateDirectory];
    this.#prelude = prelude;
  }

  step(...args: readonly string[]): Step {
    return [...this.#command, ...args];
  }

  async time(atATime: number, steps: readonly Step[]): Promise<number> {
    const args = [timed, String(runsPerRound * atATime), String(atATime), ...steps.flatMap((step, index) => (index === 0 ? step : ['--', ...step]))];
    return Number(await this.#output(args));
  }

  /** Without our pipes, which a container would keep open. */
  async must(step: Step): Promise<void> {
    await this.#output(['sh', '-c', 'exec "$@" >/dev/null 2>&1', 'sh', ...step]);
  }

  async succeeds(step: Step): Promise<boolean> {
    return (await this.#run(step)).code === 0;
  }

  #run(command: Step) {
    const [program = '', ...rest] =
      this.#prelude.length === 0 ? command : ['unshare', '--mount', 'sh', '-c', `${this.#prelude.join(' ')} && exec "$@"`, 'sh', ...command];
    return run(program, rest);
  }

  async #output(command: Step): Promise<string> {
    const { code, output } = await this.#run(command);
    if (code !== 0) throw new Error(`${command.join(' ')}: ${output.trim()}`);
    return output;
  }
}

/** The steps of each thing measured. */
const toRun = (runtime: Runtime, bundle: string): Step[] => [runtime.step('run', '--bundle', bundle, '{}')];
const inThree = (runtime: Runtime, bundle: string): Step[] => [
  runtime.step('create', '--bundle', bundle, '{}'),
  runtime.step('start', '{}'),
  runtime.step('delete', '--force', '{}'),
];

/** The time of an exec in a container that sleeps, which is there for these runs alone. */
async function timeExec(runtime: Runtime, bundle: string): Promise<number> {
  const id = `bench-exec-${process.pid}`;
  await runtime.must(runtime.step('run', '--detach', '--bundle', bundle, id));
  try {
    return await runtime.time(1, [runtime.step('exec', id, '/bin/true')]);
  } finally {
    await runtime.must(runtime.step('delete', '--force', id));
  }
}

/** KiB of the smallest memory limit, a power of two, with which `true` runs. */
async function smallestLimit(runtime: Runtime, directory: string): Promise<number> {
  for (let kibibytes = 128; kibibytes <= 64 * 1024; kibibytes *= 2) {
    const bundle = join(directory, `limit-${runtime.name}-${kibibytes}`);
    await rm(bundle, { recursive: true, force: true });
    await makeBundle(bundle, ['/bin/true'], kibibytes * 1024);
    if (await runtime.succeeds(runtime.step('run', '--bundle', bundle, `limit-${process.pid}-${kibibytes}`))) return kibibytes;
  }
  throw new Error(`${runtime.name} does not run \`true\` with any memory limit`);
}

/** create, start, wait, delete by requests to one resident `serve`, as the agent does; the shim keeps a log. */
async function openServed(bundles: Bundles): Promise<{ time: Measure; close: () => Promise<void> }> {
  const executor = await startExecutor({ executorPath, root: join(bundles.directory, 'served'), logger: silentLogger() });
  let made = 0;
  const once = async () => {
    made += 1;
    const containerId = `bench-served-${process.pid}-${made}`;
    const log = { path: join(bundles.directory, `${containerId}.log`), maxSizeBytes: 0, maxFiles: 1 };
    const started = performance.now();
    await executor.call('container.create', { containerId, bundle: bundles.true, rootfs: null, networks: [], stdin: false, stdinOnce: false, log });
    const ended = executor.shim(containerId).wait('init');
    await executor.call('container.start', { containerId });
    await ended;
    await executor.call('container.delete', { containerId, force: false });
    return performance.now() - started;
  };
  const time = async () => {
    const times: number[] = [];
    for (let index = 0; index < runsPerRound; index += 1) times.push(await once());
    return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
  };
  return { time, close: () => executor.close() };
}

/** crun 1.8 refuses v1 while v2 has a controller, as hugetlb on some hosts: mounted on v1 it is in the way no more. */
const crunPrelude = (directory: string) => ['mount', '-t', 'cgroup', '-o', 'hugetlb', 'none', directory, '2>/dev/null;', 'true'];

interface Rivals {
  readonly runc: Runtime;
  /** Or why there is none. */
  readonly crun: Runtime | string;
}

async function openRivals({ directory, true: bundle }: Bundles): Promise<Rivals> {
  const runc = new Runtime('runc', 'runc', join(directory, 'runc'));
  const mountPoint = join(directory, 'hugetlb');
  await mkdir(mountPoint);
  const isInstalled = await ensurePackages(missingPackages(['bench'], false)).then(
    () => true,
    () => false,
  );
  if (!isInstalled) return { runc, crun: 'it cannot be installed here' };
  const crun = new Runtime('crun', 'crun', join(directory, 'crun'), crunPrelude(mountPoint));
  const runs = await crun.succeeds(crun.step('run', '--bundle', bundle, `bench-probe-${process.pid}`));
  return { runc, crun: runs ? crun : "it does not run on this host's cgroups" };
}

export const bench: Bench = {
  name: 'executor',
  rounds: 7,
  open: async () => {
    await build(['executor']);
    await runOrFail('cargo', ['build', '--release', '--locked', '--quiet', '-p', 'sys', '--examples'], { cwd: executorDirectory });
    const directory = await mkdtemp(join(tmpdir(), 'gantry-bench-executor-'));
    const bundles = {
      directory,
      true: await makeBundle(join(directory, 'true'), ['/bin/true']),
      idle: await makeBundle(join(directory, 'idle'), ['/bin/sleep', '100000']),
    };
    const ours = new Runtime('gantry-executor', executorPath, join(directory, 'ours'));
    const { runc, crun } = await openRivals(bundles);
    const served = await openServed(bundles);
    const against = (runtime: Runtime | string, name: string, measure: (runtime: Runtime) => Promise<number>): Rival =>
      typeof runtime === 'string' ? { name, measure: null, missing: runtime } : { name, measure: () => measure(runtime) };
    const floorOf = (name: string, atATime: number, ...args: readonly string[]): Rival => ({
      name: `floor: ${name}`,
      measure: () => ours.time(atATime, [[floor, join(bundles.true, 'rootfs'), '/bin/true', ...args]]),
    });
    const compare = (name: string, measure: (runtime: Runtime) => Promise<number>, wanted: string): Case[] => [
      { name, unit: 'ms', ours: () => measure(ours), rival: against(runc, 'runc', measure), wanted },
      { name, unit: 'ms', ours: () => measure(ours), rival: against(crun, 'crun', measure), wanted: null },
    ];
    const runOnce = (atATime: number) => (runtime: Runtime) => runtime.time(atATime, toRun(runtime, bundles.true));
    const threeSteps = (runtime: Runtime) => runtime.time(1, inThree(runtime, bundles.true));
    const cases: Case[] = [
      ...compare('run true', runOnce(1), '<= 0.067'),
      { name: 'run true', unit: 'ms', ours: () => runOnce(1)(ours), rival: floorOf('no cgroups', 1), wanted: '<= 3' },
      { name: 'run true', unit: 'ms', ours: () => runOnce(1)(ours), rival: floorOf('with cgroups', 1, '{}'), wanted: null },
      ...compare('run true, 8 at a time, each', runOnce(8), '<= 0.067'),
      { name: 'run true, 8 at a time, each', unit: 'ms', ours: () => runOnce(8)(ours), rival: floorOf('no cgroups', 8), wanted: '<= 3' },
      ...compare('create, start, delete', threeSteps, '<= 0.067'),
      { name: 'the same, and wait, through `serve`', unit: 'ms', ours: served.time, rival: against(runc, 'runc', threeSteps), wanted: '<= 0.067' },
      ...compare('exec true', (runtime) => timeExec(runtime, bundles.idle), '<= 0.1'),
      {
        name: 'smallest memory limit that runs true',
        unit: 'KiB',
        ours: () => smallestLimit(ours, directory),
        rival: { name: 'limit', measure: async () => 512 },
        wanted: '<= 1',
      },
      {
        name: 'smallest memory limit that runs true',
        unit: 'KiB',
        ours: () => smallestLimit(ours, directory),
        rival: against(runc, 'runc', (runtime) => smallestLimit(runtime, directory)),
        wanted: null,
      },
    ];
    return {
      cases,
      close: async () => {
        await served.close();
        await rm(directory, { recursive: true, force: true });
      },
    };
  },
};
