import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildWorld, toNodeId, toTaskId } from './builders.ts';
import { planService } from './plan-service.ts';
import { isTerminal } from './task.ts';
import type { CountedPlaces, ObservedTask, ServiceWorld } from './world.ts';

/**
 * A cluster in miniature: executes plans as the reconciler does and moves tasks as agents would, by a script of random events. What is
 * checked holds after each event; that the service gets there is checked when the events stop.
 */
class Miniature {
  world: ServiceWorld;
  #made = 0;

  constructor(world: ServiceWorld) {
    this.world = world;
  }

  get tasks(): readonly ObservedTask[] {
    return this.world.tasks;
  }

  reconcile(): boolean {
    const steps = planService(this.world);
    let isQuiet = true;
    for (const step of steps) {
      switch (step.action) {
        case 'create-task':
          this.#add(step.slot, step.nodeId, step.attempt);
          break;
        case 'shut-down-task':
          this.change(step.taskId, (task) => ({ ...task, desiredState: 'shutdown', state: task.state === 'pending' ? 'shutdown' : task.state }));
          break;
        case 'remove-task':
          this.change(step.taskId, (task) => ({ ...task, desiredState: 'remove', state: task.state === 'pending' ? 'shutdown' : task.state }));
          break;
        case 'delete-task':
          this.world = { ...this.world, tasks: this.tasks.filter((task) => task.taskId !== step.taskId) };
          break;
        case 'roll-back':
          this.world = { ...this.world, taskRevision: this.world.taskRevision - 1, isRolledBack: true };
          break;
        case 'promote':
          this.world = { ...this.world, isPromoted: true };
          break;
        case 'settle':
          this.world = { ...this.world, isSettled: true };
          break;
        case 'delete-service':
        case 'set-status':
        case 'wake-at':
          continue;
      }
      isQuiet = false;
    }
    return isQuiet;
  }

  change(taskId: string, apply: (task: ObservedTask) => ObservedTask): void {
    this.world = { ...this.world, tasks: this.tasks.map((task) => (task.taskId === taskId ? apply(task) : task)) };
  }

  pass(ms: number): void {
    this.world = { ...this.world, now: this.world.now + ms };
  }

  /** What every node does when left alone: start what should run, end what should not. */
  settle(): void {
    for (const task of this.tasks) {
      if (isTerminal(task.state) || task.node === 'lost') continue;
      if (task.desiredState !== 'running') this.change(task.taskId, (t) => ({ ...t, state: 'shutdown', statusAt: this.world.now }));
      else if (task.state !== 'running') this.run(task);
    }
  }

  run(task: ObservedTask): void {
    this.change(task.taskId, (t) => ({
      ...t,
      state: 'running',
      nodeId: t.nodeId ?? toNodeId(1 + (this.#made % 4)),
      node: 'usable',
      statusAt: this.world.now,
      runningAt: this.world.now,
    }));
  }

  #add(slot: number, nodeId: ObservedTask['nodeId'], attempt: number): void {
    this.#made += 1;
    const task: ObservedTask = {
      taskId: toTaskId(this.#made),
      slot,
      nodeId,
      node: nodeId === null ? 'none' : 'usable',
      lostAt: null,
      revision: this.world.taskRevision,
      desiredState: 'running',
      state: 'pending',
      message: '',
      attempt,
      statusAt: this.world.now,
      runningAt: null,
    };
    this.world = { ...this.world, tasks: [...this.tasks, task] };
  }
}

type Event =
  | { readonly kind: 'start' | 'fail' | 'end' | 'lose' | 'drain' | 'reconcile' | 'settle'; readonly pick: number }
  | { readonly kind: 'scale'; readonly to: number }
  | { readonly kind: 'update' }
  | { readonly kind: 'wait'; readonly ms: number };

const events = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('start', 'fail', 'end', 'lose', 'drain', 'reconcile', 'settle' as const), pick: fc.nat(50) }),
    fc.record({ kind: fc.constant('scale' as const), to: fc.nat(6) }),
    fc.record({ kind: fc.constant('update' as const) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20_000) }),
  ),
  { maxLength: 40 },
) as fc.Arbitrary<Event[]>;

const policies = fc.record({
  parallelism: fc.nat(3),
  order: fc.constantFrom('stop-first' as const, 'start-first' as const),
  failureAction: fc.constantFrom('pause' as const, 'continue' as const, 'rollback' as const),
  delayMs: fc.constantFrom(0, 1_000),
  canary: fc.constantFrom(undefined, undefined, { tasks: 1, promotion: 'automatic' as const }, { tasks: 2, promotion: 'automatic' as const }),
});

function apply(cluster: Miniature, event: Event): void {
  const pick = 'pick' in event ? cluster.tasks[event.pick % Math.max(cluster.tasks.length, 1)] : undefined;
  switch (event.kind) {
    case 'reconcile':
      cluster.reconcile();
      return;
    case 'settle':
      cluster.settle();
      return;
    case 'wait':
      cluster.pass(event.ms);
      return;
    case 'scale':
      cluster.world = { ...cluster.world, mode: { type: 'replicated', replicas: event.to } };
      return;
    case 'update':
      cluster.world = {
        ...cluster.world,
        taskRevision: Math.max(cluster.world.taskRevision, ...cluster.tasks.map((task) => task.revision)) + 1,
        isRolledBack: false,
        isSettled: false,
        isPromoted: false,
      };
      return;
    default:
      if (pick !== undefined && !isTerminal(pick.state) && pick.state !== 'pending') applyToTask(cluster, event.kind, pick);
      else if (pick?.state === 'pending' && pick.desiredState === 'running' && event.kind === 'start') cluster.run(pick);
  }
}

function applyToTask(cluster: Miniature, kind: 'start' | 'fail' | 'end' | 'lose' | 'drain', task: ObservedTask): void {
  const { now } = cluster.world;
  if (kind === 'fail') cluster.change(task.taskId, (t) => ({ ...t, state: 'failed', statusAt: now }));
  if (kind === 'end' && task.desiredState !== 'running') cluster.change(task.taskId, (t) => ({ ...t, state: 'shutdown', statusAt: now }));
  if (kind === 'lose') cluster.change(task.taskId, (t) => ({ ...t, node: 'lost', lostAt: now }));
  if (kind === 'drain') cluster.change(task.taskId, (t) => ({ ...t, node: 'leaving' }));
}

/** Slots hold at most two wanted tasks, and two only while one replaces the other. */
function checkSlots(cluster: Miniature): void {
  const wanted = cluster.tasks.filter((task) => task.desiredState === 'running' && task.node !== 'lost' && !isTerminal(task.state));
  for (const [slot, tasks] of Map.groupBy(wanted, (task) => task.slot)) {
    const fresh = tasks.filter((task) => task.revision === cluster.world.taskRevision && task.node !== 'leaving');
    expect(fresh.length, `fresh tasks in slot ${slot}`).toBeLessThanOrEqual(1);
  }
}

test('whatever happens, no slot is served twice, and when things calm down the service is what was asked for', () => {
  fc.assert(
    fc.property(events, policies, fc.nat(6), (script, update, replicas) => {
      const cluster = new Miniature(buildWorld({ mode: { type: 'replicated', replicas }, update, restartPolicy: { delayMs: 1_000 } }));
      for (const event of script) {
        apply(cluster, event);
        if (event.kind === 'reconcile') checkSlots(cluster);
      }
      // a paused update waits for a person: the next one is that person
      apply(cluster, { kind: 'update' });
      let rounds = 0;
      for (let isQuiet = false; !isQuiet && rounds < 400; rounds += 1) {
        isQuiet = cluster.reconcile();
        cluster.settle();
        cluster.pass(1_000_000);
        isQuiet &&= cluster.reconcile();
      }
      const wanted = cluster.world.mode.type === 'replicated' ? cluster.world.mode.replicas : 0;
      const running = cluster.tasks.filter((task) => task.desiredState === 'running' && task.state === 'running' && task.node === 'usable');
      expect(running.map((task) => task.revision)).toEqual(Array.from({ length: wanted }, () => cluster.world.taskRevision));
      expect(new Set(running.map((task) => task.slot)).size).toBe(wanted);
      expect(planService(cluster.world).at(-1)).toMatchObject({ action: 'set-status', state: 'converged', runningTasks: wanted, desiredTasks: wanted });
    }),
    { numRuns: 10_000 },
  );
});

/** What a repository does in SQL: places that need no decision are taken out and counted. */
function countPlaces(world: ServiceWorld): ServiceWorld {
  const replicas = world.mode.type === 'replicated' ? world.mode.replicas : 0;
  const bySlot = Map.groupBy(world.tasks, (task) => task.slot);
  const settled: ObservedTask[] = [];
  const waiting: ObservedTask[] = [];
  let held = 0;
  for (const tasks of bySlot.values()) {
    const [only, ...others] = tasks.filter((task) => task.desiredState === 'running');
    if (only === undefined) continue;
    held += 1;
    if (others.length > 0 || only.node === 'lost' || isTerminal(only.state)) continue;
    if (only.revision === world.taskRevision && only.node !== 'leaving') settled.push(only);
    else if (only.state === 'running') waiting.push(only);
  }
  if (held > replicas) return world;
  waiting.splice(0, world.update.parallelism === 0 ? waiting.length : world.update.parallelism);
  const resting = settled.filter(
    (task) =>
      task.state === 'running' && task.attempt === 0 && world.update.delayMs > 0 && (task.runningAt ?? task.statusAt) + world.update.delayMs > world.now,
  );
  const pending = settled.filter((task) => task.state === 'pending' && task.message !== '');
  const counted: CountedPlaces = {
    settled: settled.length,
    settledRunning: settled.filter((task) => task.state === 'running').length,
    settledStarting: settled.filter((task) => task.state !== 'running' && task.attempt === 0).length,
    settledResting: resting.length,
    restingUntil: resting.length === 0 ? null : Math.min(...resting.map((task) => (task.runningAt ?? task.statusAt) + world.update.delayMs)),
    settledSince: settled.reduce<number | null>(
      (latest, task) => (task.state === 'running' ? Math.max(latest ?? 0, task.runningAt ?? task.statusAt) : latest),
      null,
    ),
    settledPending: pending.length,
    pendingMessage: pending[0]?.message ?? '',
    waiting: waiting.length,
    slots: [...settled, ...waiting].map((task) => task.slot),
    ending: 0,
  };
  const taken = new Set([...settled, ...waiting].map((task) => task.slot));
  const isTelling = (task: ObservedTask) => task.revision === world.taskRevision && ['failed', 'rejected', 'orphaned'].includes(task.state);
  return {
    ...world,
    counted,
    tasks: world.tasks.filter((task) => !taken.has(task.slot) || isTelling(task) || (task.desiredState === 'remove' && isTerminal(task.state))),
  };
}

test('a plan is the same whether calm places are shown or counted', () => {
  fc.assert(
    fc.property(events, policies, fc.nat(6), (script, update, replicas) => {
      const cluster = new Miniature(buildWorld({ mode: { type: 'replicated', replicas }, update, restartPolicy: { delayMs: 1_000 } }));
      for (const event of script) {
        apply(cluster, event);
        expect(planService(countPlaces(cluster.world))).toEqual(planService(cluster.world));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a plan is the same when asked twice', () => {
  fc.assert(
    fc.property(events, policies, (script, update) => {
      const cluster = new Miniature(buildWorld({ mode: { type: 'replicated', replicas: 3 }, update }));
      for (const event of script) apply(cluster, event);
      expect(planService(cluster.world)).toEqual(planService(cluster.world));
    }),
    { numRuns: 500 },
  );
});

test('a rollout without failures never has more places down than its parallelism allows', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('reconcile', 'settle', 'wait' as const), { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 6 }),
      (script, parallelism, replicas) => {
        const cluster = new Miniature(buildWorld({ mode: { type: 'replicated', replicas }, update: { parallelism } }));
        cluster.reconcile();
        cluster.settle();
        apply(cluster, { kind: 'update' });
        for (const kind of script) {
          apply(cluster, kind === 'wait' ? { kind, ms: 500 } : ({ kind, pick: 0 } as Event));
          const up = cluster.tasks.filter((task) => task.desiredState === 'running' && task.state === 'running');
          expect(new Set(up.map((task) => task.slot)).size).toBeGreaterThanOrEqual(replicas - parallelism);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
