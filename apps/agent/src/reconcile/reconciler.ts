import { setTimeout as sleep } from 'node:timers/promises';
import type { AssignedTask, Assignments, TaskStatusReport, ToServer } from '@gantry/contracts/agent-link';
import type { ServiceId, TaskId } from '@gantry/contracts/ids';
import { applyAssignments, isFinal, planTask, type Step } from '@gantry/domain/container';
import type { Logger } from '@gantry/platform/node';
import type { Container } from '@gantry/runtime/containers';
import type { Runtime } from '@gantry/runtime/core';
import { createExecutors, type Executors } from './executors.ts';
import { Ingress, type IngressView } from './ingress.ts';
import { LinkWatch } from './link-watch.ts';
import type { PayloadStore } from './payload-store.ts';
import { PullQueue } from './pull-queue.ts';
import { addressOf, TaskContainers, toObservedContainer } from './task-containers.ts';
import { fromTaskLabels } from './task-labels.ts';
import { TaskLane } from './task-lane.ts';
import type { TaskStore } from './task-store.ts';

export interface ReconcilerOptions {
  readonly runtime: Pick<Runtime, 'containers' | 'images' | 'events'> & { readonly networks: Pick<Runtime['networks'], 'ports'> };
  readonly store: TaskStore;
  readonly payloads: PayloadStore;
  readonly report: (status: TaskStatusReport) => void;
  readonly logger: Logger;
  readonly now?: () => number;
  /** How long a control plane that is out of reach is waited for before tasks are restarted here. */
  readonly patienceMs?: number;
}

const defaultPatienceMs = 10_000;

/** Everything is looked at this often, whatever was signalled or missed. */
const passEveryMs = 15_000;
const resubscribeAfterMs = 500;

/**
 * Makes the node's containers what the assignments say: observe → plan → execute, per task, until there is nothing to do. A task is looked
 * at when its assignment or its container changes, when a wait is over, and on a period; it takes no input but its id. Killed at any
 * moment, the next agent does the rest: assignments and statuses are on disk, containers are found by their label.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #executors: Executors;
  readonly #ingress: Ingress;
  readonly #containers: TaskContainers;
  readonly #lanes = new Map<TaskId, TaskLane>();
  readonly #closing = new AbortController();
  readonly #now: () => number;
  readonly #link: LinkWatch;

  constructor(options: ReconcilerOptions) {
    const { runtime, store, report, logger } = options;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const { patienceMs = defaultPatienceMs } = options;
    this.#link = new LinkWatch({ linkedAt: store.linkedAt, now: this.#now(), monotonic: () => performance.now(), patienceMs });
    this.#containers = new TaskContainers(runtime.containers);
    this.#ingress = new Ingress({ ports: runtime.networks.ports, observe: () => this.#observeIngress(), former: this.#formerServices(), logger });
    this.#executors = createExecutors({
      containers: runtime.containers,
      taskContainers: this.#containers,
      pulls: new PullQueue({ images: runtime.images, closing: this.#closing.signal }),
      ingress: this.#ingress,
      payloads: options.payloads,
      store,
      report,
      logger,
    });
  }

  /** Takes over a message of the control plane; durable when it returns. The answer is what the control plane is to be told. */
  assign(assignments: Assignments): ToServer | null {
    const { store, payloads, logger } = this.#options;
    const applied = applyAssignments(store.held, assignments);
    if (applied.outcome === 'stale') {
      logger.warn({ generation: assignments.generation, holds: store.held?.generation }, 'refused assignments of an older generation');
      return null;
    }
    if (applied.outcome === 'gap') return { type: 'assignments.resync', holds: store.held?.version ?? null };
    store.hold(applied.held);
    payloads.retain(applied.held.tasks.values());
    if (assignments.kind === 'complete') this.wakeAll();
    else for (const taskId of [...applied.changed.map((task) => task.taskId), ...applied.removed]) this.#lane(taskId).interrupt();
    return { type: 'assignments.applied', resultsIn: applied.held.version };
  }

  /** This host is another node than before: generations and versions begin anew, and until then everything runs on as it is. */
  startOver(): void {
    this.#options.store.releaseAssignments();
  }

  setLinked(isLinked: boolean): void {
    if (!this.#link.setLinked(isLinked)) return;
    this.#rememberLinked();
    this.wakeAll();
  }

  wakeAll(): void {
    for (const taskId of this.#knownTasks()) this.#lane(taskId).interrupt();
    this.#syncIngress();
  }

  /** Until the signal; then waits for the steps under way. */
  async run(signal: AbortSignal): Promise<void> {
    const period = setInterval(() => this.#pass(), passEveryMs);
    this.wakeAll();
    try {
      while (!signal.aborted) await this.#follow(signal);
    } finally {
      clearInterval(period);
      this.#closing.abort();
      await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
    }
  }

  /** A reader too slow for the events is ended with an error; what it missed is found by looking at everything. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { events, containers } = this.#options.runtime;
    try {
      for await (const event of events.subscribe({ signal })) {
        if (event.type !== 'container') continue;
        const labels = fromTaskLabels(event.attributes) ?? fromTaskLabels(containers.find(event.id)?.spec.labels ?? {});
        if (labels !== null) this.#lane(labels.taskId).wake();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#options.logger.warn({ err: error }, 'lost the events of the runtime, subscribing again');
      await sleep(resubscribeAfterMs, undefined, { signal }).catch(() => undefined);
      this.#pass();
    }
  }

  #pass(): void {
    if (this.#link.isolation === null) this.#rememberLinked();
    for (const taskId of this.#knownTasks()) this.#lane(taskId).wake();
    this.#syncIngress();
  }

  /** A disk that is full must not cost the tasks their supervision: then only an agent that restarts alone counts from too early. */
  #rememberLinked(): void {
    try {
      this.#options.store.linkedAt = this.#now();
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'could not note that the control plane is in reach');
    }
  }

  #knownTasks(): Set<TaskId> {
    const { store } = this.#options;
    this.#containers.refresh();
    return new Set([...(store.held?.tasks.keys() ?? []), ...[...store.records].map(({ taskId }) => taskId), ...this.#containers.taskIds]);
  }

  #lane(taskId: TaskId): TaskLane {
    const known = this.#lanes.get(taskId);
    if (known !== undefined) return known;
    const lane = new TaskLane({
      work: (signal) => this.#reconcile(taskId, signal),
      onIdle: () => this.#lanes.delete(taskId),
      onError: (error) => this.#options.logger.error({ err: error, taskId }, 'could not make a task as it is wanted, trying again'),
    });
    this.#lanes.set(taskId, lane);
    return lane;
  }

  /** One round: null when the task is as it should be, 0 to look again at once, otherwise milliseconds until it is due. */
  async #reconcile(taskId: TaskId, signal: AbortSignal): Promise<number | null> {
    const { held } = this.#options.store;
    // Before the first assignments nothing is known to be an orphan.
    if (held === null) return null;
    const task = held.tasks.get(taskId) ?? null;
    const steps = this.#plan(taskId, task);
    for (const step of steps) {
      if (step.action === 'wait') return Math.max(1, step.until - this.#now());
      await this.#execute(step, { task, signal });
      if (signal.aborted) return 0;
    }
    if (steps.length > 0) return 0;
    this.#syncIngress();
    return null;
  }

  #plan(taskId: TaskId, task: AssignedTask | null): Step[] {
    const { store, runtime } = this.#options;
    const container = this.#containers.of(taskId);
    return planTask({
      taskId,
      task,
      record: store.record(taskId),
      container: container === null ? null : toObservedContainer(container),
      hasImage: task !== null && runtime.images.find(task.spec.image) !== undefined,
      isolation: this.#link.isolation,
      now: this.#now(),
    });
  }

  #execute(step: Exclude<Step, { action: 'wait' }>, context: { task: AssignedTask | null; signal: AbortSignal }): Promise<void> {
    // The table is typed action by action; TypeScript can not see that step.action picks the executor of this very step.
    const execute = this.#executors[step.action] as (step: Step, context: object) => Promise<void>;
    return execute(step, context);
  }

  #observeIngress(): IngressView {
    const tasks = [...(this.#options.store.held?.tasks.values() ?? [])].filter(({ ports }) => ports.some(({ mode }) => mode === 'ingress'));
    return {
      services: new Set(tasks.map(({ serviceId }) => serviceId)),
      targets: tasks.flatMap((task) => {
        const container = this.#containers.of(task.taskId);
        const ipv4 = container === null || !this.#takesConnections(task, container) ? null : addressOf(container);
        return ipv4 === null ? [] : [{ task, ipv4 }];
      }),
    };
  }

  /** Services whose ports an agent before this one may have published. */
  #formerServices(): Set<ServiceId> {
    return new Set(this.#options.runtime.containers.list().flatMap(({ spec }) => fromTaskLabels(spec.labels)?.serviceId ?? []));
  }

  #takesConnections(task: AssignedTask, container: Container): boolean {
    const record = this.#options.store.record(task.taskId);
    const { health } = container.state;
    return task.desiredState === 'running' && !(record !== null && isFinal(record.state)) && (health === null || health.status === 'healthy');
  }

  /** In the background; a port freed at last shows in the statuses of the tasks that waited for it. */
  #syncIngress(): void {
    // Before the first assignments what is published stays.
    if (this.#options.store.held === null) return;
    this.#ingress.sync().then(
      () => this.#reportPorts(),
      (error: unknown) => this.#options.logger.error({ err: error }, 'could not bring the published ports up to date'),
    );
  }

  #reportPorts(): void {
    const { store, report } = this.#options;
    for (const task of store.held?.tasks.values() ?? []) {
      const record = store.record(task.taskId);
      if (record?.state !== 'running' || (task.ports.length === 0 && record.ports.length === 0)) continue;
      const { ports, problem } = this.#ingress.statusOf(task);
      if (JSON.stringify(ports) === JSON.stringify(record.ports)) continue;
      const next = { ...record, ports, message: problem === null ? 'started' : `started; not published: ${problem}`, at: new Date(this.#now()).toISOString() };
      store.remember(next);
      report(next);
    }
  }
}
