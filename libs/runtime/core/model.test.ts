import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { array, assert, asyncProperty, constant, constantFrom, nat, oneof, record } from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { loadBusybox, openRuntimeFixture, type RuntimeFixture } from './fixture.suite.ts';
import { KillableAgent } from './killable-agent.suite.ts';

/** What the promises of `Containers` and `Images` come to: an acknowledged operation holds, one cut off has happened or has not. */
interface World {
  readonly containers: Readonly<Record<string, 'created' | 'running' | 'paused' | 'exited'>>;
  readonly tags: readonly string[];
}

const actions = ['create', 'start', 'start', 'stop', 'pause', 'unpause', 'remove', 'rename', 'tag', 'untag'] as const;

interface Step {
  readonly action: (typeof actions)[number];
  readonly slot: number;
  /** Milliseconds after the request was sent, if the agent is killed then. */
  readonly killAfterMs: number | null;
}

const slots = 3;
/** No name may be read as the beginning of an id. */
const nameOf = (slot: number) => `name-${slot % slots}`;
const tagOf = (slot: number) => `docker.io/library/model:t${slot % slots}`;
const without = <T>(values: Readonly<Record<string, T>>, name: string) => Object.fromEntries(Object.entries(values).filter(([key]) => key !== name));

/** The world after the step; null when it must be refused and change nothing. */
function after({ containers, tags }: World, { action, slot }: Step): World | null {
  const name = nameOf(slot);
  const state = containers[name];
  const become = (next: World['containers'][string]): World => ({ containers: { ...containers, [name]: next }, tags });
  switch (action) {
    case 'create':
      return state === undefined ? become('created') : null;
    case 'start':
      return state === 'created' || state === 'exited' ? become('running') : null;
    case 'stop':
      return state === 'running' || state === 'paused' ? become('exited') : null;
    case 'pause':
      return state === 'running' ? become('paused') : null;
    case 'unpause':
      return state === 'paused' ? become('running') : null;
    case 'remove':
      return state === undefined ? null : { containers: without(containers, name), tags };
    case 'rename': {
      const target = nameOf(slot + 1);
      return state === undefined || containers[target] !== undefined ? null : { containers: { ...without(containers, name), [target]: state }, tags };
    }
    case 'tag':
      return { containers, tags: [...tags.filter((tag) => tag !== tagOf(slot)), tagOf(slot)] };
    case 'untag':
      return tags.includes(tagOf(slot)) ? { containers, tags: tags.filter((tag) => tag !== tagOf(slot)) } : null;
  }
}

/** What may be found after the step was cut off. A paused container is thawed before it is stopped. */
function possible(world: World, step: Step): World[] {
  const name = nameOf(step.slot);
  const isThawed = step.action === 'stop' && world.containers[name] === 'paused';
  return [world, after(world, step) ?? world, ...(isThawed ? [{ ...world, containers: { ...world.containers, [name]: 'running' as const } }] : [])];
}

const argumentsOf = {
  create: (slot: number) => [nameOf(slot), { cmd: ['sleep', '1000'] }],
  rename: (slot: number) => [nameOf(slot), nameOf(slot + 1)],
  tag: (slot: number) => [tagOf(slot)],
  untag: (slot: number) => [tagOf(slot)],
} as const;

async function observe(agent: KillableAgent): Promise<World> {
  const { result } = await agent.call('observe');
  const { containers, tags } = JSON.parse(result ?? '{}');
  return { containers, tags: tags.filter((tag: string) => tag.includes('model')).toSorted() };
}

const sorted = ({ containers, tags }: World): World => ({ containers, tags: tags.toSorted() });

let fixture: RuntimeFixture;
let agent: KillableAgent | undefined;
afterEach(async () => {
  await agent?.kill();
  await fixture?.close();
});

async function play(steps: readonly Step[]): Promise<void> {
  let world: World = { containers: {}, tags: [] };
  agent = await KillableAgent.start(fixture.options);
  for (const step of steps) {
    const arguments_ = step.action in argumentsOf ? argumentsOf[step.action as keyof typeof argumentsOf](step.slot) : [nameOf(step.slot)];
    const asked = agent.call(step.action, ...arguments_);
    if (step.killAfterMs !== null) await Promise.race([delay(step.killAfterMs), asked]);
    if (step.killAfterMs !== null) await agent.kill();
    const answer = await asked;
    const expected = after(world, step);
    if (answer.error !== 'killed') {
      expect(answer.ok, `${step.action} ${nameOf(step.slot)}: ${answer.error}`).toBe(expected !== null);
      world = expected ?? world;
    }
    if (step.killAfterMs === null) continue;
    agent = await KillableAgent.start(fixture.options);
    const found = await observe(agent);
    const allowed = answer.error === 'killed' ? possible(world, step) : [world];
    expect(allowed.map(sorted)).toContainEqual(found);
    world = found;
  }
  expect(await observe(agent)).toEqual(sorted(world));
  await agent.kill();
}

/** Nothing is on disk but what the records speak of; leaves nothing for the next play. */
async function sweepAndCheck(): Promise<void> {
  const runtime = await fixture.reopen();
  const ids = runtime.containers.list().map(({ id }) => id);
  for (const directory of ['containers', 'snapshots/active']) {
    expect(readdirSync(join(fixture.options.dataDir, directory)).toSorted(), directory).toEqual(ids.toSorted());
  }
  for (const id of ids) await runtime.containers.remove(id, { force: true });
  for (const { references } of runtime.images.list()) for (const tag of references.filter((name) => name.includes('model'))) await runtime.images.remove(tag);
  await runtime.close();
}

/** Another seed plays other games; a failure tells the shortest game it knows, and how to play it again. */
const seed = 20_261_124;
/** No new game begins after it: a slow machine plays fewer. */
const boundMs = 20_000;

it(`keeps its promises through random operations and random kill -9 (seed ${seed})`, { timeout: 180_000 }, async () => {
  fixture = await openRuntimeFixture();
  await loadBusybox(fixture.runtime);
  await fixture.runtime.close();
  const step = record({
    action: constantFrom(...actions),
    slot: nat(slots - 1),
    killAfterMs: oneof({ weight: 2, arbitrary: constant(null) }, { weight: 1, arbitrary: nat(120) }),
  });
  const deadlineMs = Date.now() + boundMs;
  const property = asyncProperty(array(step, { minLength: 12, maxLength: 18 }), async (steps) => {
    if (Date.now() > deadlineMs) return;
    try {
      await play(steps);
    } finally {
      await agent?.kill();
      await sweepAndCheck();
    }
  });
  await assert(property, { seed, numRuns: 6, endOnFailure: true });
  await fixture.reopen();
});
