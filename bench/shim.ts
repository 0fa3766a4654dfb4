import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { silentLogger } from '@gantry/platform/node';
import { type Executor, startExecutor } from '@gantry/runtime/executor';
import type { Bench, Case, Rival } from '../tools/bench/bench.ts';
import { makeBundle } from '../tools/bench/bundle.ts';
import { cpuSeconds, memoryOf } from '../tools/bench/processes.ts';
import { build } from '../tools/build/build.ts';
import { root } from '../tools/process/paths.ts';
import { runOrFail } from '../tools/process/run.ts';
import { ensurePackages, missingPackages } from '../tools/setup/debian-packages.ts';

const containers = 100;
const lineBytes = 100;
const logMegabytes = 300;
const settledMs = 500;

/** One that keeps containers: our shim, or conmon over runc. */
interface Keepers {
  /** Starts a container of the bundle; its keeper's pid. */
  readonly start: (id: string, bundle: string, log: string) => Promise<number>;
  readonly remove: (id: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function ours(directory: string): Promise<Keepers> {
  const executor: Executor = await startExecutor({
    executorPath: join(root, 'apps/agent/executor/target/release/gantry-executor'),
    root: join(directory, 'ours'),
    logger: silentLogger(),
  });
  return {
    start: async (containerId, bundle, path) => {
      const log = { path, maxSizeBytes: 0, maxFiles: 1 };
      await executor.call('container.create', { containerId, bundle, rootfs: null, networks: [], stdin: false, stdinOnce: false, log });
      return (await executor.call('container.start', { containerId })).shimPid;
    },
    remove: async (containerId) => {
      await executor.call('container.delete', { containerId, force: true });
    },
    close: () => executor.close(),
  };
}

async function waitFor(file: string): Promise<void> {
  const limitMs = 30_000;
  for (const began = performance.now(); !existsSync(file); await pause(5)) {
    if (performance.now() - began > limitMs) throw new Error(`${file} does not appear`);
  }
}

async function conmon(directory: string): Promise<Keepers> {
  const state = join(directory, 'runc');
  const exits = join(directory, 'exits');
  await mkdir(exits);
  const runc = existsSync('/usr/bin/runc') ? '/usr/bin/runc' : '/usr/sbin/runc';
  const quietly = (command: readonly string[]) => runOrFail('sh', ['-c', 'exec "$@" >/dev/null 2>&1', 'sh', ...command]);
  return {
    start: async (id, bundle, log) => {
      const pidFile = join(directory, `${id}.pid`);
      await quietly(
        ['conmon', '--api-version', '1', '-c', id, '-u', id, '-n', id, '-r', runc, '--runtime-arg', '--root', '--runtime-arg', state, '-b', bundle].concat([
          '-p',
          join(directory, `${id}.container.pid`),
          '--conmon-pidfile',
          pidFile,
          '-l',
          `k8s-file:${log}`,
          '--socket-dir-path',
          directory,
          '--exit-dir',
          exits,
          '--log-level',
          'error',
        ]),
      );
      // conmon goes on behind our back; the container's pid is there before runc has written down that it is created.
      await waitFor(join(directory, `${id}.container.pid`));
      await waitFor(join(state, id, 'state.json'));
      await quietly([runc, '--root', state, 'start', id]);
      return Number(await readFile(pidFile, 'utf8'));
    },
    remove: async (id) => {
      await quietly([runc, '--root', state, 'delete', '--force', id]);
    },
    close: async () => undefined,
  };
}

interface Idle {
  readonly pss: number;
  readonly rss: number;
}

/** Mean memory of each keeper while all the containers sleep. */
async function measureIdle(keepers: Keepers, bundle: string, directory: string, prefix: string): Promise<Idle> {
  const ids = Array.from({ length: containers }, (_, index) => `${prefix}-${process.pid}-${index}`);
  const pids: number[] = [];
  try {
    for (const id of ids) pids.push(await keepers.start(id, bundle, join(directory, `${id}.log`)));
    await pause(settledMs);
    const memory = await Promise.all(pids.map((pid) => memoryOf([pid])));
    const mean = (of: (one: Idle) => number) => memory.reduce((sum, one) => sum + of(one), 0) / memory.length;
    return { pss: mean(({ pss }) => pss), rss: mean(({ rss }) => rss) };
  } finally {
    for (const id of ids) await keepers.remove(id);
  }
}

interface Logged {
  /** Of the container's output. */
  readonly megabytesPerSecond: number;
  readonly cpuSecondsPerGigabyte: number;
}

/** From the start of a container that writes lines as fast as it can to the moment its log has them all. */
async function measureLog(keepers: Keepers, bundle: string, directory: string, id: string): Promise<Logged> {
  const log = join(directory, `${id}.log`);
  const began = performance.now();
  try {
    const pid = await keepers.start(id, bundle, log);
    let size = -1;
    let grewAt = performance.now();
    while (performance.now() - grewAt < settledMs) {
      await pause(5);
      const now = await stat(log).then((found) => found.size);
      if (now !== size) grewAt = performance.now();
      size = now;
    }
    if (size < logMegabytes * 1e6) throw new Error(`the log of ${id} has ${size} bytes, fewer than were written`);
    const megabytes = logMegabytes;
    return { megabytesPerSecond: megabytes / ((grewAt - began) / 1_000), cpuSecondsPerGigabyte: (await cpuSeconds(pid)) / (megabytes / 1_000) };
  } finally {
    await keepers.remove(id);
    await rm(log, { force: true });
  }
}

async function makeWriter(directory: string): Promise<string> {
  const bundle = await makeBundle(join(directory, 'writer'), ['sh', '-c', 'cat /lines /lines /lines /lines /lines /lines; exec sleep 100000']);
  const line = `${'x'.repeat(lineBytes - 1)}\n`;
  await writeFile(join(bundle, 'rootfs/lines'), line.repeat((logMegabytes * 1e6) / lineBytes / 6));
  return bundle;
}

export const bench: Bench = {
  name: 'shim',
  rounds: 3,
  open: async () => {
    await build(['executor']);
    const isInstalled = await ensurePackages(missingPackages(['bench'], false)).then(
      () => true,
      () => false,
    );
    const directory = await mkdtemp(join(tmpdir(), 'gantry-bench-shim-'));
    const idleBundle = await makeBundle(join(directory, 'idle'), ['/bin/sleep', '100000']);
    const writerBundle = await makeWriter(directory);
    const own = await ours(directory);
    const theirs = isInstalled ? await conmon(directory) : null;
    let made = 0;
    const last = { ours: null as Idle | null, theirs: null as Idle | null };
    const lastLog = { ours: null as Logged | null, theirs: null as Logged | null };
    const nameIt = (prefix: string) => `${prefix}-${process.pid}-log-${made++}`;
    const idle = async (side: 'ours' | 'theirs', keepers: Keepers) => {
      last[side] = await measureIdle(keepers, idleBundle, directory, side);
      return last[side];
    };
    const logged = async (side: 'ours' | 'theirs', keepers: Keepers) => {
      lastLog[side] = await measureLog(keepers, writerBundle, directory, nameIt(side));
      return lastLog[side];
    };
    const rival = (measure: (keepers: Keepers) => Promise<number>): Rival =>
      theirs === null ? { name: 'conmon', measure: null, missing: 'conmon cannot be installed here' } : { name: 'conmon', measure: () => measure(theirs) };
    const limit = (value: number): Rival => ({ name: 'limit', measure: async () => value });
    const cases: Case[] = [
      {
        name: `${containers} idle containers: PSS of each shim`,
        unit: 'KiB',
        ours: async () => (await idle('ours', own)).pss,
        rival: rival(async (keepers) => (await idle('theirs', keepers)).pss),
        wanted: null,
      },
      { name: 'the same', unit: 'KiB', ours: async () => last.ours?.pss ?? Number.NaN, rival: limit(150), wanted: '<= 1' },
      {
        name: `${containers} idle containers: RSS of each shim`,
        unit: 'KiB',
        ours: async () => last.ours?.rss ?? Number.NaN,
        rival: rival(async () => last.theirs?.rss ?? Number.NaN),
        wanted: null,
      },
      { name: 'the same', unit: 'KiB', ours: async () => last.ours?.rss ?? Number.NaN, rival: limit(1229), wanted: '<= 1' },
      {
        name: `log of ${lineBytes}-byte lines`,
        unit: 'MB/s',
        ours: async () => (await logged('ours', own)).megabytesPerSecond,
        rival: rival(async (keepers) => (await logged('theirs', keepers)).megabytesPerSecond),
        wanted: '>= 2',
      },
      {
        name: 'the same: processor time of the shim',
        unit: 's/GB',
        ours: async () => lastLog.ours?.cpuSecondsPerGigabyte ?? Number.NaN,
        rival: rival(async () => lastLog.theirs?.cpuSecondsPerGigabyte ?? Number.NaN),
        wanted: null,
      },
    ];
    return {
      cases,
      close: async () => {
        await own.close();
        await rm(directory, { recursive: true, force: true });
      },
    };
  },
};
