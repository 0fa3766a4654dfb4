import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxArchive } from '@gantry/testing/images';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtExecutor } from './agent-process.ts';
import { Dockerd } from './daemon/dockerd.ts';
import { type CliResult, cliOutput, runCli } from './daemon/run-cli.ts';
import { Containerd } from './foreign/containerd.ts';
import { Podman } from './foreign/podman.ts';

const executor = builtExecutor();
const parts = new AsyncDisposableStack();
let directory: string;
let image: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'foreign-'));
  parts.defer(() => rm(directory, { recursive: true, force: true }));
  image = join(directory, 'box.tar');
  await writeFile(image, await busyboxArchive({ reference: 'docker.io/library/box:1', cmd: ['sh'] }));
});
afterAll(() => parts.disposeAsync());

const options = (socket = '/nonexistent') => ({ socket, directory, timeoutMs: 120_000 });
const inShell = (line: string, socket?: string): Promise<CliResult> => runCli(line, options(socket));
const ok = (line: string, socket?: string): Promise<string> => cliOutput(line, options(socket));

/** What the runtime itself says of a container. */
const statusIn = async (root: string, id: string): Promise<string> => JSON.parse(await ok(`${executor} --root ${root} state ${id}`)).status;

/** Ends with 3 when it is asked to. */
const untilAsked = `sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'`;

/** Of either version of control groups, from inside. */
const limit = (v1: string, v2: string) => `sh -c 'cat /sys/fs/cgroup/${v1} 2>/dev/null || cat /sys/fs/cgroup/${v2}'`;
const pidsLimit = limit('pids/pids.max', 'pids.max');
const memoryLimit = limit('memory/memory.limit_in_bytes', 'memory.max');

describe("Debian's dockerd starts containers with the executor", () => {
  let dockerd: Dockerd;
  const docker = (line: string) => ok(`docker ${line}`, dockerd.socket);
  beforeAll(async () => {
    dockerd = await Dockerd.create({ prefix: '10.227.0', runtime: executor });
    parts.defer(() => dockerd.destroy());
    await dockerd.start();
    await docker(`load -i ${image}`);
  });

  test('to their end, with stdio, status, user, a network and its default seccomp profile', { timeout: 240_000 }, async () => {
    const script = 'cat; id -u; ip -o -4 addr show eth0 | wc -l; grep "^Seccomp:" /proc/self/status; echo told >&2; exit 7';
    const result = await inShell(`echo input | docker run --rm -i -u 1000 box:1 sh -c '${script}'`, dockerd.socket);
    expect(result).toEqual({ exit: 7, out: 'input\n1000\n1\nSeccomp:\t2\n', err: 'told\n' });
    expect(await docker('run --rm -t box:1 tty')).toBe('/dev/pts/0');
    expect(await inShell('docker run --rm box:1 no-such-program', dockerd.socket)).toMatchObject({ exit: 127 });
    await docker('create --name beyond -m 16m --memory-swap 16m box:1 sh -c "x=\\$(yes | head -c 8000000); x=\\$x\\$x\\$x\\$x\\$x\\$x"');
    await inShell('docker start -a beyond', dockerd.socket);
    await expect.poll(() => docker('inspect -f "{{.State.OOMKilled}} {{.State.ExitCode}}" beyond')).toBe('true 137');
    expect(await docker('rm beyond')).toBe('beyond');
  });

  test('and keeps them: exec, terminal, pause, update, stats, top, stop, restart', { timeout: 240_000 }, async () => {
    const id = await docker(`run -d --name kept -m 64m --pids-limit 50 box:1 ${untilAsked}`);
    expect(await statusIn(`${dockerd.directory}/exec/runtime-runc/moby`, id)).toBe('running');
    await expect.poll(() => docker('logs kept')).toBe('ready');
    expect(await inShell("docker exec -u 1000:1000 kept sh -c 'id -u; exit 5'", dockerd.socket)).toMatchObject({ exit: 5, out: '1000\n' });
    expect(await docker('exec -t kept tty')).toMatch(/^\/dev\/pts\/\d$/);
    await docker('pause kept');
    expect(await docker('inspect -f "{{.State.Status}}" kept')).toBe('paused');
    expect(await statusIn(`${dockerd.directory}/exec/runtime-runc/moby`, id)).toBe('paused');
    await docker('unpause kept');
    await docker('update --pids-limit 20 --memory 32m --memory-swap 64m kept');
    expect(await docker(`exec kept ${pidsLimit}`)).toBe('20');
    expect(await docker(`exec kept ${memoryLimit}`)).toBe(String(32 << 20));
    expect(await docker('stats --no-stream --format "{{.MemUsage}}" kept')).toMatch(/^[1-9].* \/ 32MiB$/);
    expect(await docker('top kept')).toContain('trap');
    await docker('stop -t 60 kept');
    expect(await docker('inspect -f "{{.State.ExitCode}} {{.HostConfig.Runtime}}" kept')).toBe('3 foreign');
    await docker('restart kept');
    await docker('kill -s KILL kept');
    expect(await docker('wait kept')).toBe('137');
    await docker('rm kept');
  });
});

describe("Debian's containerd starts containers with the executor", () => {
  let containerd: Containerd;
  const ctr = (line: string) => ok(`${containerd.client} ${line}`);
  const box = 'docker.io/library/box:1';
  beforeAll(async () => {
    containerd = await Containerd.create(executor);
    parts.defer(() => containerd.destroy());
    await containerd.start();
    await ctr(`image import ${image}`);
  });

  test('to their end, with stdio and status', { timeout: 240_000 }, async () => {
    const result = await inShell(`${containerd.client} run --rm ${containerd.options('ended')} ${box} ended sh -c 'echo out; echo err >&2; exit 7'`);
    expect(result).toMatchObject({ exit: 7, out: 'out\n' });
    expect(result.err).toContain('err\n');
  });

  test('and keeps them: exec, pause, metrics, processes, kill', { timeout: 240_000 }, async () => {
    await ctr(`run -d ${containerd.options('kept')} ${box} kept ${untilAsked} > /dev/null`);
    const status = () => statusIn(`${containerd.runtimeRoot}/default`, 'kept');
    expect(await status()).toBe('running');
    expect(await inShell(`${containerd.client} task exec --exec-id one kept sh -c 'echo in; exit 5'`)).toMatchObject({ exit: 5, out: 'in\n' });
    await ctr('task pause kept');
    expect([await status(), await ctr('task ls')]).toEqual(['paused', expect.stringContaining('PAUSED')]);
    await ctr('task resume kept');
    expect(await ctr('task metrics kept')).toMatch(/memory\.usage\S* +[1-9]/);
    expect((await ctr('task ps kept')).split('\n').length).toBeGreaterThan(1);
    await ctr('task kill -s TERM kept');
    await expect.poll(() => ctr('task ls')).toContain('STOPPED');
    expect(await inShell(`${containerd.client} task rm kept`)).toMatchObject({ err: expect.stringContaining('exit code 3') });
    await ctr('container rm kept');
  });
});

describe("Debian's podman starts containers with the executor", () => {
  let podman: Podman;
  const client = (line: string) => ok(`${podman.client} ${line}`);
  beforeAll(async () => {
    podman = await Podman.create(executor);
    parts.defer(() => podman.destroy());
    await client(`load -i ${image}`);
  });

  test('to their end, with stdio, status and a terminal', { timeout: 240_000 }, async () => {
    const result = await inShell(`${podman.client} run --rm ${podman.options} -u 1000 box:1 sh -c 'id -u; exit 7'`);
    expect(result).toMatchObject({ exit: 7, out: '1000\n' });
    expect(await client(`run --rm -t ${podman.options} box:1 tty`)).toBe('/dev/pts/0');
  });

  test('and keeps them: exec, terminal, pause, update, stats, top, stop', { timeout: 240_000 }, async () => {
    await client(`run -d --name kept ${podman.options} -m 64m --pids-limit 50 box:1 ${untilAsked}`);
    expect(await client('inspect -f "{{.OCIRuntime}} {{.State.Status}}" kept')).toBe(`${executor} running`);
    expect(await inShell(`${podman.client} exec kept sh -c 'echo in; exit 5'`)).toMatchObject({ exit: 5, out: 'in\n' });
    expect(await client('exec -t kept tty')).toMatch(/^\/dev\/pts\/\d$/);
    await client('pause kept');
    expect(await client('inspect -f "{{.State.Status}}" kept')).toBe('paused');
    await client('unpause kept');
    await client('update --memory 32m kept');
    expect([await client(`exec kept ${memoryLimit}`), await client(`exec kept ${pidsLimit}`)]).toEqual([String(32 << 20), '50']);
    expect(await client('stats --no-stream --format "{{.MemUsage}}" kept')).toMatch(/^[1-9].* \/ /);
    expect(await client('top kept')).toContain('trap');
    await client('stop -t 60 kept');
    expect(await client('inspect -f "{{.State.ExitCode}}" kept')).toBe('3');
    await client('rm kept');
  });
});
