import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instanceOf } from '../../../tools/product/leftovers.ts';
import { AgentProcess } from './agent-process.ts';
import { type CliResult, runCli } from './daemon/run-cli.ts';

function find(name: string): string {
  const path = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'].map((directory) => join(directory, name)).find(existsSync);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

/** crun has nothing to do with a cgroup v2 that holds some of the controllers: it gets to see those of v1 alone. */
async function makeRuntime(name: string, directory: string): Promise<string> {
  const path = join(directory, name);
  const hide = 'if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi';
  await writeFile(path, `#!/bin/sh\nexec unshare --mount sh -c '${hide}; exec "$0" "$@"' ${find(name)} "$@"\n`, { mode: 0o755 });
  return path;
}

describe.each([
  { name: 'runc', octet: 231 },
  { name: 'crun', octet: 232 },
])('the agent on $name', ({ name, octet }) => {
  let agent: AgentProcess;
  let directory: string;
  const inShell = (line: string): Promise<CliResult> => runCli(line, { socket: agent.engineSocket, directory, timeoutMs: 120_000 });
  const docker = async (line: string): Promise<string> => {
    const { exit, out, err } = await inShell(`docker ${line}`);
    if (exit !== 0) throw new Error(`docker ${line}: exit ${exit}\n${out}${err}\n${agent.output}`);
    return out.trim();
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'oci-runtime-'));
    agent = await AgentProcess.create({ octet, env: { GANTRY_OCI_RUNTIME: await makeRuntime(name, directory) } });
    await agent.start();
    await agent.loadBusybox('box:1', ['sh']);
  });
  afterAll(async () => {
    await agent.destroy();
    await rm(directory, { recursive: true, force: true });
  });

  test('runs containers with stdio, status, a network, a terminal and logs', { timeout: 240_000 }, async () => {
    const script = 'cat; id -u; ip -o -4 addr show eth0 | wc -l; echo told >&2; exit 7';
    expect(await inShell(`echo input | docker run --rm -i -u 1000 box:1 sh -c '${script}'`)).toEqual({ exit: 7, out: 'input\n1000\n1\n', err: 'told\n' });
    expect(await docker('run --rm -t box:1 tty')).toMatch(/^\/dev\/(pts\/0|console)$/);
    expect(await inShell('docker run --rm box:1 no-such-program')).toMatchObject({ exit: 127 });
    await docker('run --name said box:1 sh -c "echo one; echo two"');
    expect(await docker('logs said')).toBe('one\ntwo');
    await docker('rm said');
  });

  test('execs into, limits, pauses, stops and removes them, across its own restart', { timeout: 240_000 }, async () => {
    await docker(`run -d --name long --memory 64m box:1 sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'`);
    // The runtime itself knows of it.
    const id = await docker('inspect -f {{.Id}} long');
    const state = join('/run/gantry', instanceOf(agent.dataDir), 'executor', id);
    expect(await readdir(join(state, 'oci'))).toContain(id);
    expect(await inShell('docker exec long sh -c "cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max; exit 4"')).toMatchObject({
      exit: 4,
      out: `${64 * 1024 * 1024}\n`,
    });
    expect(await inShell('echo through | docker exec -i long cat')).toMatchObject({ exit: 0, out: 'through\n' });
    expect(await inShell('docker exec long no-such-program')).toMatchObject({ exit: 127 });
    await docker('pause long');
    expect(await docker('inspect -f {{.State.Status}} long')).toBe('paused');
    await docker('unpause long');
    await agent.end('SIGKILL');
    await agent.start();
    expect(await docker('exec -t long tty')).toMatch(/^\/dev\/pts\/\d+$/);
    await docker('stop long');
    expect(await docker('inspect -f {{.State.ExitCode}} long')).toBe('3');
    expect(await docker('logs long')).toBe('ready');
    await docker('start long');
    await docker('rm -f long');
    expect(existsSync(state)).toBe(false);
  });
});
