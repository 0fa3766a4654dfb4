import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { Container } from '@gantry/runtime/containers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentMethod } from './crash-agent.ts';
import { exec, loadBusybox, openRuntimeFixture, outputOf, type RuntimeFixture, start, until } from './fixture.suite.ts';

let fixture: RuntimeFixture;
let agent: ChildProcess | null = null;
beforeEach(async () => {
  fixture = await openRuntimeFixture();
  await loadBusybox(fixture.runtime);
});
afterEach(async () => {
  await kill();
  await fixture.close();
});

async function kill(): Promise<void> {
  if (agent === null) return;
  const gone = once(agent, 'exit');
  agent.kill('SIGKILL');
  await gone;
  agent = null;
}

interface Answer {
  readonly ok: boolean;
  readonly error?: string;
  readonly result?: string;
}

/** Hands the runtime over to an agent in a process of its own. */
async function startAgent(): Promise<(method: AgentMethod, ...args: unknown[]) => Promise<Answer>> {
  const { logger: _logger, ...options } = fixture.options;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-agent.ts'), JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  agent = child;
  const answers = new Map<number, (answer: Answer) => void>();
  const ready = Promise.withResolvers<void>();
  child.once('exit', () => {
    ready.reject(new Error('the agent ended'));
    for (const answer of answers.values()) answer({ ok: false, error: 'killed' });
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, ready: isReady, ...answer } = JSON.parse(line);
    if (isReady === true) ready.resolve();
    else answers.get(id)?.(answer);
  });
  await ready.promise;
  let nextId = 0;
  return (method, ...args) => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const id = nextId++;
    answers.set(id, resolve);
    child.stdin.write(`${JSON.stringify({ id, method, args })}\n`);
    return promise;
  };
}

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
    const pids = fixture.runtime.containers.list().map((container) => container.state.pid);
    // What a reboot does: the processes, and all that was in memory, are gone; the data directory is not.
    await fixture.runtime.close();
    await forgetRuns(fixture, pids);
    const runtime = await fixture.reopen();
    expect(runtime.containers.get('lost').state).toMatchObject({ status: 'exited', exitCode: 255 });
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

type Model = Map<string, 'created' | 'running' | 'stopped'>;

function observed({ state }: Container): 'created' | 'running' | 'stopped' {
  if (state.status === 'running') return 'running';
  return state.startedAt === null ? 'created' : 'stopped';
}

/** Small, and the same for the same seed, so that a failure can be repeated. */
function randomOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * limit);
  };
}

interface Operation {
  readonly name: string;
  readonly done: Promise<Answer>;
  readonly apply: (model: Model) => void;
}

type Call = Awaited<ReturnType<typeof startAgent>>;

/** Something that fits the state the model has for `name`. */
function choose(name: string, model: Model, random: (limit: number) => number, call: Call): Operation {
  const state = model.get(name);
  const operation = (method: AgentMethod, apply: Operation['apply'], ...args: unknown[]): Operation => ({ name, done: call(method, name, ...args), apply });
  if (state === undefined) return operation('create', (after) => after.set(name, 'created'), { cmd: ['sleep', '1000'] });
  if (random(4) === 0) return operation('remove', (after) => after.delete(name));
  if (state === 'running') return operation('stop', (after) => after.set(name, 'stopped'));
  return operation('start', (after) => after.set(name, 'running'));
}

const statusOf = { created: 'created', running: 'running', stopped: 'exited' } as const;

/** Operations on containers of different names at once, cut off by a kill; then the model and the world must agree. */
async function playRound(model: Model, random: (limit: number) => number, nextName: () => string): Promise<string[]> {
  const failures: string[] = [];
  const call = await startAgent();
  const operations = new Map<string, Operation>();
  for (let step = 0; step < 6; step++) {
    const idle = [...model.keys()].filter((name) => !operations.has(name));
    const name = (random(3) > 0 ? idle[random(idle.length)] : undefined) ?? nextName();
    operations.set(name, choose(name, model, random, call));
  }
  const finished = new Set<string>();
  for (const { name, done } of operations.values()) {
    void done.then(({ ok, error }) => {
      if (ok) finished.add(name);
      else if (error !== 'killed') failures.push(`${name}: ${error}`);
    });
  }
  await delay(random(400));
  await kill();
  for (const { name, apply } of operations.values()) if (finished.has(name)) apply(model);

  const runtime = await fixture.reopen();
  for (const [name, state] of model) {
    if (!operations.has(name) || finished.has(name)) expect(runtime.containers.get(name).state.status, name).toBe(statusOf[state]);
  }
  // What was cut off may have happened or not; from here on it is what it is.
  for (const name of operations.keys()) {
    const found = runtime.containers.find(name);
    if (found === undefined) model.delete(name);
    else if (!finished.has(name)) model.set(name, observed(found));
  }
  const ids = runtime.containers.list().map((container) => container.id);
  expect(ids).toHaveLength(model.size);
  for (const directory of ['containers', 'snapshots/active']) {
    expect(readdirSync(join(fixture.options.dataDir, directory)).toSorted(), directory).toEqual(ids.toSorted());
  }
  await runtime.close();
  return failures;
}

describe.each([1, 2, 3])('random operations and random kill -9, seed %d', (seed) => {
  it('keep what was acknowledged, and leave nothing half made', { timeout: 180_000 }, async () => {
    const random = randomOf(seed);
    const model: Model = new Map();
    const failures: string[] = [];
    // No name may be read as the beginning of an id.
    let made = 0;
    await fixture.runtime.close();
    for (let round = 0; round < 6; round++) failures.push(...(await playRound(model, random, () => `name${++made}`)));
    await fixture.reopen();
    expect(failures).toEqual([]);
  });
});
