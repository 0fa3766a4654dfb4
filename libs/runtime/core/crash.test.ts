import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

/** Hands the runtime over to an agent in a process of its own. */
async function startAgent(): Promise<(method: AgentMethod, ...args: unknown[]) => Promise<{ ok: boolean; error?: string }>> {
  const { logger: _logger, ...options } = fixture.options;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-agent.ts'), JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  agent = child;
  const answers = new Map<number, (answer: { ok: boolean; error?: string }) => void>();
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
    const { promise, resolve } = Promise.withResolvers<{ ok: boolean; error?: string }>();
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
  readonly done: Promise<{ ok: boolean; error?: string }>;
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
    let made = 0;
    await fixture.runtime.close();
    for (let round = 0; round < 6; round++) failures.push(...(await playRound(model, random, () => `c${++made}`)));
    await fixture.reopen();
    expect(failures).toEqual([]);
  });
});
