import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busybox, exec, loadBusybox, openRuntimeFixture, outputOf, type RuntimeFixture, recordEvents, run, start, until } from './fixture.suite.ts';
import type { Runtime } from './runtime.ts';

let fixture: RuntimeFixture;
let runtime: Runtime;
beforeAll(async () => {
  fixture = await openRuntimeFixture();
  runtime = fixture.runtime;
  await loadBusybox(runtime);
});
afterAll(() => fixture?.close());

describe('running', () => {
  it('runs a command as asked, and tells its output and exit code', async () => {
    const { id, exitCode, output } = await run(runtime, {
      cmd: ['sh', '-c', 'echo "$GREETING from $(hostname) in $(pwd)"; echo err >&2; exit 7'],
      env: ['GREETING=hello'],
      hostname: 'here',
      workingDir: '/work/deep',
    });
    expect(exitCode).toBe(7);
    expect(output.split('\n').sort()).toEqual(['', 'err', 'hello from here in /work/deep']);
    expect(runtime.containers.get(id).state).toMatchObject({ status: 'exited', exitCode: 7, pid: 0, oomKilled: false, error: '' });
  });

  it('tells what was wrong when the program can not be run', async () => {
    for (const [cmd, exitCode, code] of [
      ['/does/not/exist', 127, 'command-not-found'],
      ['/etc/passwd', 126, 'permission-denied'],
    ] as const) {
      const { container } = await runtime.containers.create({ spec: { image: busybox, cmd: [cmd] } });
      const waiting = runtime.containers.wait(container.id, 'next-exit');
      await expect(runtime.containers.start(container.id)).rejects.toMatchObject({ code });
      expect((await waiting).exitCode).toBe(exitCode);
      expect(runtime.containers.get(container.id).state).toMatchObject({ status: 'created', exitCode, pid: 0 });
    }
  });

  it('ends a tree of processes with its first one, and says 128 + signal', async () => {
    const id = await start(runtime, { cmd: ['sh', '-c', 'sleep 1000 & sleep 1000'] });
    await runtime.containers.kill(id, 'SIGKILL');
    expect(runtime.containers.get(id).state).toMatchObject({ status: 'exited', exitCode: 137 });
  });

  it('goes through the states, refuses what does not fit them, and keeps its file system', async () => {
    const id = await start(runtime, { cmd: ['sh', '-c', 'echo x >> /count; sleep 1000'] });
    await expect(runtime.containers.start(id)).rejects.toMatchObject({ code: 'not-modified' });
    await expect(runtime.containers.remove(id)).rejects.toMatchObject({ code: 'conflict' });
    await runtime.containers.pause(id);
    expect(runtime.containers.get(id).state.status).toBe('paused');
    await expect(runtime.containers.pause(id)).rejects.toMatchObject({ code: 'conflict' });
    await runtime.containers.unpause(id);
    await until('the file is written', async () => (await exec(runtime, id, ['cat', '/count'])).output === 'x\n');
    await runtime.containers.restart(id, { timeoutSeconds: 0 });
    await until('it is written again', async () => (await exec(runtime, id, ['cat', '/count'])).output === 'x\nx\n');
    await runtime.containers.rename(id, 'renamed');
    expect(runtime.containers.get('renamed').id).toBe(id);
    expect(runtime.containers.get(id.slice(0, 10)).name).toBe('renamed');
    await runtime.containers.stop(id, { timeoutSeconds: 0 });
    await expect(runtime.containers.stop(id)).rejects.toMatchObject({ code: 'not-modified' });
    await runtime.containers.remove(id);
    expect(runtime.containers.find(id)).toBeUndefined();
    expect(() => runtime.containers.get(id)).toThrow(`No such container: ${id}`);
  });

  it('stops by the stop signal, and by force when that does not help', async () => {
    const polite = await start(runtime, { cmd: ['sh', '-c', 'trap "exit 5" USR1; while :; do sleep 0.05; done'], stopSignal: 'SIGUSR1' });
    await until('the trap is set', async () => (await exec(runtime, polite, ['true'])).exitCode === 0);
    await runtime.containers.stop(polite, { timeoutSeconds: 10 });
    expect(runtime.containers.get(polite).state.exitCode).toBe(5);
    const deaf = await start(runtime, { cmd: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done'] });
    await until('it runs', async () => (await exec(runtime, deaf, ['true'])).exitCode === 0);
    await runtime.containers.stop(deaf, { timeoutSeconds: 1 });
    expect(runtime.containers.get(deaf).state.exitCode).toBe(137);
  });

  it('refuses a name that is taken, in the words Docker has for it', async () => {
    const { container } = await runtime.containers.create({ name: 'taken', spec: { image: busybox } });
    await expect(runtime.containers.create({ name: 'taken', spec: { image: busybox } })).rejects.toThrow(
      `Conflict. The container name "/taken" is already in use by container "${container.id}".`,
    );
    await expect(runtime.containers.create({ spec: { image: 'nothing' } })).rejects.toThrow('No such image: nothing:latest');
  });
});

describe('isolation', () => {
  it("gives Docker's default surroundings", async () => {
    const { output } = await run(runtime, {
      cmd: [
        'sh',
        '-c',
        'echo pid $$; grep -E "^(CapEff|Seccomp|NoNewPrivs):" /proc/self/status; ls -d /proc/kcore; head -c1 /proc/kcore | wc -c; mount -t tmpfs x /tmp; echo mount $?',
      ],
    });
    expect(output).toContain('pid 1\n');
    expect(output).toContain('CapEff:\t00000000a80425fb');
    expect(output).toContain('Seccomp:\t2');
    expect(output).toContain('\n0\n');
    expect(output).toMatch(/mount [1-9]/);
  });

  it('honours user, groups, read-only root, capabilities, tmpfs and limits', async () => {
    const { output } = await run(runtime, {
      cmd: [
        'sh',
        '-c',
        'exec 2>&1; id -u; id -g; touch /x; touch /scratch/x && echo scratch; grep CapBnd /proc/self/status; ulimit -n; grep NoNewPrivs /proc/self/status',
      ],
      user: '1000:2000',
      hostConfig: {
        readonlyRootfs: true,
        capDrop: ['ALL'],
        mounts: [{ type: 'tmpfs', target: '/scratch', sizeBytes: 1 << 20 }],
        securityOpt: ['no-new-privileges'],
        resources: { ulimits: [{ name: 'nofile', soft: 123, hard: 456 }] },
      },
    });
    expect(output.split('\n').filter((line) => line !== '')).toEqual([
      '1000',
      '2000',
      expect.stringContaining('Read-only file system'),
      'scratch',
      'CapBnd:\t0000000000000000',
      '123',
      'NoNewPrivs:\t1',
    ]);
  });

  it('reports a process that was killed for its memory', async () => {
    const recorded = recordEvents(runtime);
    const { id, exitCode } = await run(runtime, {
      cmd: ['sh', '-c', 'dd if=/dev/zero of=/dev/shm/fill bs=1M count=64'],
      hostConfig: { resources: { memory: 16 << 20, memorySwap: 16 << 20 }, shmSizeBytes: 128 << 20 },
    });
    expect(exitCode).toBe(137);
    expect(runtime.containers.get(id).state.oomKilled).toBe(true);
    await recorded.stop();
    const actions = recorded.events.filter((event) => event.id === id).map((event) => event.action);
    expect(actions.indexOf('oom')).toBeGreaterThan(-1);
    expect(actions.indexOf('oom')).toBeLessThan(actions.indexOf('die'));
  });

  it('changes limits of a running container', async () => {
    const id = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { resources: { memory: 64 << 20 } } });
    await runtime.containers.update(id, { resources: { memory: 32 << 20, memorySwap: 64 << 20 } });
    const usage = await runtime.containers.stats(id);
    expect(usage.stats.memory.limitBytes).toBe(32 << 20);
    expect(usage.stats.pids.current).toBe(1);
    expect(runtime.containers.get(id).spec.hostConfig.resources.memory).toBe(32 << 20);
    const top = await runtime.containers.top(id, '-eo pid,comm');
    expect(top).toEqual({ titles: ['PID', 'COMMAND'], processes: [[expect.stringMatching(/^\d+$/), 'sleep']] });
    await runtime.containers.remove(id, { force: true });
  });
});

describe('streams', () => {
  it('attaches before the start and misses nothing', async () => {
    const { container } = await runtime.containers.create({
      spec: { image: busybox, cmd: ['sh', '-c', 'cat; echo done >&2'], openStdin: true, stdinOnce: true },
    });
    const attaching = runtime.containers.attach(container.id, { stdin: true, stdout: true, stderr: true });
    await runtime.containers.start(container.id);
    const stream = await attaching;
    stream.input?.end('some input\n');
    const seen: Record<string, string> = { stdout: '', stderr: '' };
    for await (const { stream: name, bytes } of stream.output) seen[name] += bytes.toString();
    expect(seen).toEqual({ stdout: 'some input\n', stderr: 'done\n' });
    expect(await stream.exited).toMatchObject({ code: 0 });
  });

  it('gives a terminal with a size', async () => {
    const { container } = await runtime.containers.create({
      spec: { image: busybox, cmd: ['sh', '-c', 'stty size; read line; stty size'], tty: true, openStdin: true, hostConfig: { consoleSize: [24, 100] } },
    });
    const attaching = runtime.containers.attach(container.id, { stdin: true, stdout: true, stderr: true });
    await runtime.containers.start(container.id);
    const stream = await attaching;
    let text = '';
    const reading = (async () => {
      for await (const { bytes } of stream.output) text += bytes.toString();
    })();
    await expect.poll(() => text).toContain('24 100');
    await runtime.containers.resize(container.id, { height: 50, width: 132 });
    stream.input?.write('\n');
    await reading;
    expect(text).toContain('50 132');
  });

  it('executes in a running container, with exit codes, users and errors', async () => {
    const id = await start(runtime, { cmd: ['sleep', '1000'], env: ['FROM=container'] });
    expect(await exec(runtime, id, ['sh', '-c', 'echo $FROM; exit 9'])).toEqual({ exitCode: 9, output: 'container\n' });
    const asUser = await runtime.containers.execCreate(id, { cmd: ['id', '-u'], user: 'nobody', attachStdout: true });
    const stream = await runtime.containers.execStart(asUser, { detach: false });
    const chunks = (await stream?.output.toArray()) ?? [];
    expect(chunks.map((chunk) => chunk.bytes.toString()).join('')).toBe('65534\n');
    const missing = await runtime.containers.execCreate(id, { cmd: ['nothing'] });
    await expect(runtime.containers.execStart(missing, { detach: false })).rejects.toMatchObject({ code: 'command-not-found' });
    expect(runtime.containers.execGet(missing)).toMatchObject({ isRunning: false, exitCode: 127 });
    const detached = await runtime.containers.execCreate(id, { cmd: ['sh', '-c', 'exit 4'] });
    expect(await runtime.containers.execStart(detached, { detach: true })).toBeNull();
    await until('the exec has ended', () => runtime.containers.execGet(detached).exitCode === 4);
    await runtime.containers.remove(id, { force: true });
  });

  it('executes without end: ended ones are forgotten, oldest first, and only running ones fill a container', async () => {
    const id = await start(runtime, { cmd: ['sleep', '1000'] });
    const create = () => runtime.containers.execCreate(id, { cmd: ['nothing'] });
    const first = await create();
    await expect(runtime.containers.execStart(first, { detach: true })).rejects.toMatchObject({ code: 'command-not-found' });
    for (let more = 0; more < 1024; more++) await create();
    expect(() => runtime.containers.execGet(first)).toThrow('No such exec instance');
    await expect(create()).rejects.toMatchObject({ code: 'conflict' });
    await runtime.containers.remove(id, { force: true });
  });

  it('reads logs over rotated files: tail, since, follow', async () => {
    const { container } = await runtime.containers.create({
      spec: {
        image: busybox,
        cmd: ['sh', '-c', 'for i in $(seq 1 400); do echo "line $i of the log, long enough to rotate"; done; sleep 1; echo last'],
        hostConfig: { logConfig: { type: 'json-file', config: { 'max-size': '16k', 'max-file': '3' } } },
      },
    });
    await runtime.containers.start(container.id);
    const followed: string[] = [];
    for await (const entry of runtime.containers.logs(container.id, { stdout: true, stderr: true, follow: true, tail: 0 }))
      followed.push(entry.bytes.toString());
    expect(followed.at(-1)).toBe('last\n');
    const entries = [];
    for await (const entry of runtime.containers.logs(container.id, { stdout: true, stderr: false, tail: 300 })) entries.push(entry);
    expect(entries).toHaveLength(300);
    expect(entries.at(-2)?.bytes.toString()).toContain('line 400 ');
    expect(entries[0]?.bytes.toString()).toContain('line 102 ');
    const nothing = [];
    for await (const entry of runtime.containers.logs(container.id, { stdout: true, stderr: true, since: BigInt(Date.now() + 60_000) * 1_000_000n }))
      nothing.push(entry);
    expect(nothing).toEqual([]);
  });
});

describe('policies', () => {
  it('restarts what fails, so often as allowed, then leaves it', async () => {
    const { container } = await runtime.containers.create({
      spec: { image: busybox, cmd: ['sh', '-c', 'echo run; exit 3'], hostConfig: { restartPolicy: { name: 'on-failure', maximumRetryCount: 2 } } },
    });
    const recorded = recordEvents(runtime);
    await runtime.containers.start(container.id);
    expect(await runtime.containers.wait(container.id, 'not-running')).toEqual({ exitCode: 3, error: null });
    await recorded.stop();
    expect(runtime.containers.get(container.id)).toMatchObject({ restartCount: 2, state: { status: 'exited' } });
    expect(await outputOf(runtime, container.id)).toBe('run\nrun\nrun\n');
    const actions = recorded.events.filter((event) => event.id === container.id).map((event) => event.action);
    expect(actions).toEqual(['start', 'die', 'start', 'die', 'start', 'die']);
  });

  it('does not restart what was stopped, also between two runs', async () => {
    const id = await start(runtime, { cmd: ['false'], hostConfig: { restartPolicy: { name: 'always' } } });
    await until('it has been restarted three times', () => runtime.containers.get(id).restartCount >= 3);
    await until('it waits for the next', () => runtime.containers.get(id).state.status === 'restarting');
    await runtime.containers.stop(id);
    const { restartCount } = runtime.containers.get(id);
    await new Promise((wake) => setTimeout(wake, 1500));
    expect(runtime.containers.get(id)).toMatchObject({ restartCount, state: { status: 'exited' } });
  });

  it('removes an auto-remove container with its anonymous volumes, and still tells the exit code', async () => {
    const recorded = recordEvents(runtime);
    const { container } = await runtime.containers.create({
      spec: { image: busybox, cmd: ['sh', '-c', 'exit 6'], volumes: ['/data'], hostConfig: { autoRemove: true } },
    });
    const removed = runtime.containers.wait(container.id, 'removed');
    await runtime.containers.start(container.id);
    expect((await removed).exitCode).toBe(6);
    expect(runtime.containers.find(container.id)).toBeUndefined();
    expect(runtime.volumes.list().filter((volume) => volume.isAnonymous)).toEqual([]);
    await recorded.stop();
    const own = recorded.events.filter((event) => event.id === container.id || event.attributes.container === container.id);
    expect(own.map((event) => `${event.type} ${event.action}`)).toEqual([
      'container create',
      'network connect',
      'volume mount',
      'container start',
      'container die',
      'network disconnect',
      'volume unmount',
      'container destroy',
    ]);
  });

  it('probes health: starting, healthy, unhealthy', async () => {
    const recorded = recordEvents(runtime);
    const id = await start(runtime, {
      cmd: ['sh', '-c', 'touch /ok; sleep 1000'],
      healthcheck: { test: ['CMD-SHELL', 'test -e /ok || { echo gone; exit 1; }'], intervalMs: 200, retries: 2 },
    });
    expect(runtime.containers.get(id).state.health?.status).toBe('starting');
    await until('it is healthy', () => runtime.containers.get(id).state.health?.status === 'healthy');
    await exec(runtime, id, ['rm', '/ok']);
    await until('it is unhealthy', () => runtime.containers.get(id).state.health?.status === 'unhealthy');
    expect(runtime.containers.get(id).state.health).toMatchObject({ failingStreak: 2 });
    expect(runtime.containers.get(id).state.health?.log.at(-1)).toMatchObject({ exitCode: 1, output: 'gone\n' });
    await recorded.stop();
    const actions = recorded.events.map((event) => event.action).filter((action) => action.startsWith('health_status'));
    expect(actions).toEqual(['health_status: healthy', 'health_status: unhealthy']);
    await runtime.containers.remove(id, { force: true });
  });
});
