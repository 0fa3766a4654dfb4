import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { silentLogger } from '@gantry/platform/node';
import type { ContainerSpecInput, LogEntry } from '@gantry/runtime/containers';
import type { RuntimeEvent } from '@gantry/runtime/events';
import { busyboxArchive } from '@gantry/testing/images';
import { openRuntime } from './open-runtime.ts';
import type { Runtime, RuntimeOptions } from './runtime.ts';

export const executorPath = join(import.meta.dirname, '../../../apps/agent/executor/target/release/gantry-executor');

/** A runtime of its own on this host: directories, bridge, rules, cgroups that no other shares; nothing of it is left after `close`. */
export interface RuntimeFixture {
  readonly options: RuntimeOptions;
  runtime: Runtime;
  /** As after a restart of the agent. */
  reopen(): Promise<Runtime>;
  close(): Promise<void>;
}

export const busybox = 'busybox:latest';

export async function openRuntimeFixture(overrides: Partial<RuntimeOptions> = {}): Promise<RuntimeFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-runtime-'));
  const instance = `t${randomInt(36 ** 6)
    .toString(36)
    .padStart(6, '0')}`;
  const options: RuntimeOptions = {
    dataDir: join(directory, 'data'),
    stateDir: join(directory, 'state'),
    executorPath,
    logger: silentLogger(),
    instance,
    bridge: { name: `${instance}0`, subnet: `10.${randomInt(128, 250)}.${randomInt(256)}.0/24` },
    addressPools: [{ base: `10.${randomInt(64, 127)}.0.0/16`, size: 24 }],
    cgroupParent: `/gantry-${instance}`,
    ...overrides,
  };
  const fixture: RuntimeFixture = {
    options,
    runtime: await openRuntime(options),
    async reopen() {
      await fixture.runtime.close();
      fixture.runtime = await openRuntime(options);
      return fixture.runtime;
    },
    async close() {
      try {
        await fixture.runtime.withdraw();
      } finally {
        removeCgroups(options.cgroupParent ?? '');
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
  return fixture;
}

/** Empty control groups below the fixture's parent, in whichever hierarchies there are. */
function removeCgroups(parent: string): void {
  const mounts = ['/sys/fs/cgroup', ...(existsSync('/sys/fs/cgroup') ? readdirSync('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name)) : [])];
  for (const mount of mounts) {
    const path = join(mount, parent);
    if (parent === '' || !existsSync(path)) continue;
    for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) rmdirSync(join(path, entry.name));
    rmdirSync(path);
  }
}

/** The same layer by whatever name, told apart by it. */
export const busyboxTar = (reference: string): Promise<Buffer> => busyboxArchive({ reference, cmd: ['sh'], labels: { name: reference } });

export async function loadBusybox(runtime: Runtime, image: Partial<Parameters<typeof busyboxArchive>[0]> = {}): Promise<void> {
  await runtime.images.load(Readable.from([await busyboxArchive({ reference: busybox, cmd: ['sh'], ...image })]));
}

export type SpecInput = Omit<ContainerSpecInput, 'image'> & { image?: string };

/** Runs to the end. */
export async function run(runtime: Runtime, spec: SpecInput): Promise<{ id: string; exitCode: number; output: string }> {
  const { container } = await runtime.containers.create({ spec: { image: busybox, ...spec } });
  const waiting = runtime.containers.wait(container.id, 'next-exit');
  waiting.catch(() => undefined);
  await runtime.containers.start(container.id);
  const { exitCode } = await waiting;
  return { id: container.id, exitCode, output: await outputOf(runtime, container.id) };
}

export async function start(runtime: Runtime, spec: SpecInput, name?: string): Promise<string> {
  const { container } = await runtime.containers.create({ spec: { image: busybox, ...spec }, ...(name === undefined ? {} : { name }) });
  await runtime.containers.start(container.id);
  return container.id;
}

export async function outputOf(runtime: Runtime, id: string): Promise<string> {
  const entries: LogEntry[] = [];
  for await (const entry of runtime.containers.logs(id, { stdout: true, stderr: true })) entries.push(entry);
  return Buffer.concat(entries.map((entry) => entry.bytes)).toString();
}

/** Runs a command in a running container. */
export async function exec(runtime: Runtime, id: string, cmd: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  const execId = await runtime.containers.execCreate(id, { cmd, attachStdout: true, attachStderr: true });
  const stream = await runtime.containers.execStart(execId, { detach: false });
  const parts: Buffer[] = [];
  if (stream !== null) for await (const chunk of stream.output) parts.push(chunk.bytes);
  await stream?.exited;
  return { exitCode: runtime.containers.execGet(execId).exitCode, output: Buffer.concat(parts).toString() };
}

/** Looks again and again until `isTrue`; fails after 20 s with what was waited for. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await isTrue()) return;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`waited in vain until ${what}`);
}

/** Everything that happens from now on. */
export function recordEvents(runtime: Runtime): { events: RuntimeEvent[]; stop(): Promise<void> } {
  const controller = new AbortController();
  const events: RuntimeEvent[] = [];
  const read = async () => {
    for await (const event of runtime.events.subscribe({ signal: controller.signal })) events.push(event);
  };
  const reading = read();
  return {
    events,
    stop() {
      controller.abort();
      return reading;
    },
  };
}
