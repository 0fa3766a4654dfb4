import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exec, loadBusybox, openRuntimeFixture, outputOf, type RuntimeFixture, start, until } from './fixture.suite.ts';
import { KillableAgent } from './killable-agent.suite.ts';

let fixture: RuntimeFixture;
let agent: KillableAgent | undefined;
beforeEach(async () => {
  fixture = await openRuntimeFixture();
  await loadBusybox(fixture.runtime);
});
afterEach(async () => {
  await agent?.kill();
  await fixture.close();
});

/** Hands the runtime over to an agent in a process of its own. */
async function startAgent(): Promise<KillableAgent['call']> {
  agent = await KillableAgent.start(fixture.options);
  return agent.call;
}

const kill = () => agent?.kill();

/** A process may go between any two looks at it, also while it is read. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('after kill -9 of the agent', () => {
  it('containers run on, lose no output, and are taken up again', async () => {
    await fixture.runtime.close();
    const call = await startAgent();
    expect(await call('create', 'counter', { cmd: ['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done'] })).toEqual({ ok: true });
    expect(await call('start', 'counter')).toEqual({ ok: true });
    await kill();
    await delay(500);
    const runtime = await fixture.reopen();
    const { id, state } = runtime.containers.get('counter');
    expect(state.status).toBe('running');
    expect(isAlive(state.pid)).toBe(true);
    expect((await exec(runtime, id, ['echo', 'reached'])).output).toBe('reached\n');
    await runtime.containers.stop(id, { timeoutSeconds: 0 });
    const lines = (await outputOf(runtime, id)).trim().split('\n').map(Number);
    expect(lines.length).toBeGreaterThan(10);
    expect(lines).toEqual(lines.map((_, index) => index + 1));
    expect(runtime.containers.get(id).state).toMatchObject({ status: 'exited', exitCode: 137 });
  });

  it('ends that happened meanwhile have their true code and time, and policies are honoured', async () => {
    await fixture.runtime.close();
    const call = await startAgent();
    await call('create', 'ends', { cmd: ['sh', '-c', 'sleep 0.5; exit 42'] });
    await call('create', 'comes-back', { cmd: ['sh', '-c', 'echo run; sleep 0.5; exit 1'], hostConfig: { restartPolicy: { name: 'always' } } });
    await call('create', 'goes', { cmd: ['sh', '-c', 'sleep 0.5'], hostConfig: { autoRemove: true } });
    for (const name of ['ends', 'comes-back', 'goes']) expect(await call('start', name)).toEqual({ ok: true });
    await kill();
    const killedAt = Date.now();
    await delay(1500);
    const runtime = await fixture.reopen();
    const { state } = runtime.containers.get('ends');
    expect(state).toMatchObject({ status: 'exited', exitCode: 42 });
    expect(Math.abs(Date.parse(state.finishedAt ?? '') - killedAt)).toBeLessThan(1400);
    await until('the auto-remove container is gone', () => runtime.containers.find('goes') === undefined);
    await until(
      'the other is restarted',
      () => runtime.containers.get('comes-back').restartCount > 0 && runtime.containers.get('comes-back').state.status === 'running',
    );
    await runtime.containers.remove('comes-back', { force: true });
  });

  it('execs keep their ids, and those that ended meanwhile their codes', async () => {
    await fixture.runtime.close();
    const call = await startAgent();
    await call('create', 'host', { cmd: ['sleep', '1000'] });
    await call('start', 'host');
    const make = async (cmd: string[]) => {
      const { result } = await call('execCreate', 'host', cmd);
      return result ?? expect.fail('an exec has an id');
    };
    const [waiting, ended, running] = [await make(['echo', 'late']), await make(['sh', '-c', 'sleep 0.5; exit 7']), await make(['sleep', '1000'])];
    for (const id of [ended, running]) expect(await call('execStart', id)).toMatchObject({ ok: true });
    await kill();
    const { containers } = await fixture.reopen();
    await until('the exec has ended', () => !containers.execGet(ended).isRunning);
    expect(containers.execGet(ended)).toMatchObject({ exitCode: 7, spec: { cmd: ['sh', '-c', 'sleep 0.5; exit 7'] } });
    expect(containers.execGet(running)).toMatchObject({ isRunning: true, exitCode: null, pid: expect.any(Number) });
    expect(isAlive(containers.execGet(running).pid)).toBe(true);
    expect(containers.get('host').execIds).toEqual([running]);
    const stream = await containers.execStart(waiting, { detach: false });
    expect(Buffer.concat((await stream?.output.toArray())?.map((chunk) => chunk.bytes) ?? []).toString()).toBe('late\n');
    process.kill(containers.execGet(running).pid, 'SIGKILL');
    await until('its end is known too', () => containers.execGet(running).exitCode === 137);
    expect(containers.get('host').execIds).toEqual([]);
    await containers.remove('host', { force: true });
    expect(() => containers.execGet(ended)).toThrow('No such exec instance');
  });

  it('execs that ended before their container keep their codes, also when both ended meanwhile', async () => {
    await fixture.runtime.close();
    const call = await startAgent();
    await call('create', 'host', { cmd: ['sh', '-c', 'until [ -e /over ]; do sleep 0.1; done; exit 3'] });
    await call('start', 'host');
    const make = async (cmd: string[]) => {
      const { result } = await call('execCreate', 'host', cmd);
      expect(await call('execStart', result)).toMatchObject({ ok: true });
      return result ?? expect.fail('an exec has an id');
    };
    const [ended, cutOff] = [await make(['sh', '-c', 'sleep 0.5; exit 7']), await make(['sleep', '1000'])];
    await make(['sh', '-c', 'sleep 1; touch /over']);
    await kill();
    await delay(2500);
    const { containers } = await fixture.reopen();
    expect(containers.get('host').state).toMatchObject({ status: 'exited', exitCode: 3 });
    expect(containers.execGet(ended)).toMatchObject({ isRunning: false, exitCode: 7 });
    expect(containers.execGet(cutOff)).toMatchObject({ isRunning: false, exitCode: 137 });
  });

  it('health keeps its history, and the probe that was under way goes', async () => {
    await fixture.runtime.close();
    const call = await startAgent();
    // The first two probes fail, the third hangs, and those after the return of the agent succeed.
    const test = ['CMD-SHELL', 'n=$(($(cat /n) + 1)); echo $n > /n; [ $n -lt 3 ] && exit $n; [ $n -eq 3 ] && exec sleep 1000; exit 0'];
    const healthcheck = { test, intervalMs: 200, timeoutMs: 600_000, retries: 2 };
    await call('create', 'checked', { cmd: ['sh', '-c', 'echo 0 > /n; exec sleep 1000'], healthcheck });
    await call('start', 'checked');
    const root = () => join(fixture.options.dataDir, 'snapshots/active');
    const count = () => readdirSync(root()).map((id) => readFileSync(join(root(), id, 'upper/n'), 'utf8').trim());
    await until('the third probe runs', () => count()[0] === '3');
    await kill();
    const { containers } = await fixture.reopen();
    const { health, pid } = containers.get('checked').state;
    expect(health).toMatchObject({ status: 'unhealthy', failingStreak: 2, log: [{ exitCode: 1 }, { exitCode: 2 }] });
    await until('a new probe has succeeded', () => containers.get('checked').state.health?.status === 'healthy');
    expect(
      containers
        .get('checked')
        .state.health?.log.map(({ exitCode }) => exitCode)
        .slice(0, 3),
    ).toEqual([1, 2, 0]);
    const { processes } = await containers.top('checked', '-eo pid,args');
    expect(processes.filter(([, args]) => args === 'sleep 1000')).toEqual([[String(pid), 'sleep 1000']]);
  });

  it('a restart policy goes on where it was: count, back-off, and what it had decided', async () => {
    await fixture.runtime.close();
    const call = await startAgent();
    await call('create', 'fails', { cmd: ['false'], hostConfig: { restartPolicy: { name: 'on-failure', maximumRetryCount: 4 } } });
    await call('start', 'fails');
    const id = readdirSync(join(fixture.options.dataDir, 'containers'))[0] ?? '';
    const runs = () => {
      const database = new DatabaseSync(join(fixture.options.stateDir, 'runs.db'), { readOnly: true, timeout: 5000 });
      const row = database.prepare("select body from record where collection = 'runs' and id = ?").get(id);
      database.close();
      return JSON.parse(String(row?.body ?? '{}'));
    };
    // 100, 200, 400 ms: the third wait is under way.
    await until('it waits for the third restart', () => runs().lastDelayMs === 400 && runs().restartAtMs !== null);
    await kill();
    const { restartAtMs } = runs();
    const { containers } = await fixture.reopen();
    await until('its last attempt is over', () => containers.get('fails').state.status === 'exited');
    expect(containers.get('fails')).toMatchObject({ restartCount: 4, state: { exitCode: 1 } });
    expect(Date.parse(containers.get('fails').state.startedAt ?? '')).toBeGreaterThan(restartAtMs);
    expect(runs()).toMatchObject({ lastDelayMs: 800, restartAtMs: null });
  });

  it('a lost host is told from a lost agent', async () => {
    const id = await start(fixture.runtime, { cmd: ['sleep', '1000'], hostConfig: { restartPolicy: { name: 'unless-stopped' } } }, 'back');
    await start(fixture.runtime, { cmd: ['sleep', '1000'] }, 'lost');
    await start(fixture.runtime, { cmd: ['sleep', '1000'], hostConfig: { autoRemove: true } }, 'goes');
    const pids = fixture.runtime.containers.list().map((container) => container.state.pid);
    // What a reboot does: the processes, and all that was in memory, are gone; the data directory is not.
    await fixture.runtime.close();
    await forgetRuns(fixture, pids);
    const runtime = await fixture.reopen();
    expect(runtime.containers.get('lost').state).toMatchObject({ status: 'exited', exitCode: 255 });
    expect(runtime.containers.find('goes')).toBeUndefined();
    await until('the policy has started it again', () => runtime.containers.get('back').state.status === 'running');
    expect((await exec(runtime, id, ['true'])).exitCode).toBe(0);
  });
});

async function forgetRuns({ options }: RuntimeFixture, pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until('the processes are gone', () => pids.every((pid) => !isAlive(pid)));
  await delay(300);
  await rm(options.stateDir, { recursive: true, force: true });
}
