import type { ApiToken, ClusterNode, Service, ServiceRevision, ServiceSpec, Stack, Task } from '@gantry/contracts/http-api';
import type { NodeId, ServiceId, StackId, TaskId } from '@gantry/contracts/ids';
import type { LiveEvent } from '@gantry/contracts/live';
import { TaskLog } from './log.ts';
import { PayloadShelf } from './payload-shelf.ts';
import { makeContainerId, makeService, makeStack, makeTask, now } from './records.ts';

/** An image of this name is not found by any registry: the task is rejected. */
export const missingImage = 'missing';
/** A placement constraint of this text is met by no node: the task stays pending. */
export const unmetConstraint = 'node.labels.disk == ssd';

type TaskChange = Partial<Omit<Task, 'status'>> & { status?: Partial<Task['status']> };

const stepMs = 120;

/** A cluster in memory that behaves as the control plane's contract says: tasks move forward step by step, every change is an event. */
export class FakeCluster {
  readonly nodes = new Map<NodeId, ClusterNode>();
  readonly services = new Map<ServiceId, Service>();
  readonly stacks = new Map<StackId, Stack>();
  readonly tasks = new Map<TaskId, Task>();
  readonly tokens = new Map<string, ApiToken>();
  readonly secrets = new PayloadShelf((name) => this.#servicesThat(({ task }) => task.secrets.some((use) => use.name === name)));
  readonly configs = new PayloadShelf((name) => this.#servicesThat(({ task }) => task.configs.some((use) => use.name === name)));
  readonly #revisions = new Map<ServiceId, Omit<ServiceRevision, 'isWanted'>[]>();
  readonly #logs = new Map<TaskId, TaskLog>();
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  readonly #timers = new Set<NodeJS.Timeout>();

  subscribe(listener: (event: LiveEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#listeners.clear();
  }

  logOf(taskId: TaskId): TaskLog {
    const log = this.#logs.get(taskId) ?? new TaskLog();
    this.#logs.set(taskId, log);
    return log;
  }

  addNode(node: ClusterNode): void {
    this.nodes.set(node.id, node);
  }

  updateNode(node: ClusterNode, spec: Partial<ClusterNode['spec']>): ClusterNode {
    const changed = { ...node, version: node.version + 1, updatedAt: now(), spec: { ...node.spec, ...spec } };
    this.nodes.set(node.id, changed);
    this.#emit({ type: 'node.changed', node: changed });
    if (changed.spec.availability === 'drain') this.#drain(changed);
    return changed;
  }

  removeNode(nodeId: NodeId): void {
    this.nodes.delete(nodeId);
    this.#emit({ type: 'node.removed', nodeId });
  }

  addStack(name: string): Stack {
    const stack = makeStack(name);
    this.stacks.set(stack.id, stack);
    this.#emit({ type: 'stack.changed', stack });
    return stack;
  }

  removeStack(stack: Stack): void {
    for (const service of this.services.values()) if (service.stackId === stack.id) this.removeService(service);
    this.stacks.delete(stack.id);
    this.#emit({ type: 'stack.removed', stackId: stack.id });
  }

  addService(spec: unknown, stack?: Stack): Service {
    const service = makeService(spec, stack);
    this.services.set(service.id, service);
    this.#keepRevision(service);
    if (stack) this.#count(stack);
    this.#emit({ type: 'service.changed', service });
    this.reconcile(service.id);
    return this.services.get(service.id) ?? service;
  }

  updateService(service: Service, spec: ServiceSpec): Service {
    const isNewTask = JSON.stringify(spec.task) !== JSON.stringify(service.spec.task);
    this.#changeService(service, {
      spec,
      revision: service.revision + 1,
      ports: spec.ports.map((port, index) => (port.publishedPort === 0 ? { ...port, publishedPort: 30_000 + index } : port)),
    });
    this.#keepRevision(this.services.get(service.id) ?? service);
    if (isNewTask) for (const task of this.#tasksOf(service.id)) this.#stop(task);
    this.reconcile(service.id);
    return this.services.get(service.id) ?? service;
  }

  removeService(service: Service): void {
    this.#changeService(service, { status: { ...service.status, state: 'removing', desiredTasks: 0 } });
    for (const task of this.#tasksOf(service.id)) this.#stop(task);
    this.#later(4 * stepMs, () => {
      for (const task of this.tasks.values()) if (task.serviceId === service.id) this.#removeTask(task.id);
      this.services.delete(service.id);
      this.#emit({ type: 'service.removed', serviceId: service.id });
      const stack = service.stackId && this.stacks.get(service.stackId);
      if (stack) this.#count(stack);
    });
  }

  /** Newest first. */
  revisionsOf(serviceId: ServiceId): Omit<ServiceRevision, 'isWanted'>[] {
    return this.#revisions.get(serviceId) ?? [];
  }

  #keepRevision({ id, revision, spec, ports }: Service): void {
    this.#revisions.set(id, [{ revision, spec, ports, createdAt: now() }, ...this.revisionsOf(id)]);
  }

  /** Makes what runs what is wanted. */
  reconcile(serviceId: ServiceId): void {
    const service = this.services.get(serviceId);
    if (!service || service.status.state === 'removing') return;
    const current = this.#tasksOf(serviceId);
    const wanted = service.spec.mode.type === 'replicated' ? service.spec.mode.replicas : this.#readyNodes().length;
    for (const task of current.slice(wanted)) this.#stop(task);
    const takenSlots = new Set(current.slice(0, wanted).map((task) => task.slot));
    for (let slot = 1; takenSlots.size < wanted; slot += 1) {
      if (takenSlots.has(slot)) continue;
      takenSlots.add(slot);
      this.#start(service, slot);
    }
    this.#report(serviceId);
  }

  addTask(service: Service, slot: number, change: TaskChange): Task {
    const made = makeTask(service, slot);
    const task = { ...made, ...change, status: { ...made.status, ...change.status } };
    this.tasks.set(task.id, task);
    this.#emit({ type: 'task.changed', task });
    return task;
  }

  #start(service: Service, slot: number): void {
    const task = this.addTask(service, slot, {});
    const nodes = this.#readyNodes();
    const node = nodes[slot % nodes.length];
    if (service.spec.task.placement.constraints.includes(unmetConstraint) || !node) {
      this.#changeTask(task.id, { status: { message: `no suitable node: ${nodes.length} do not meet ${unmetConstraint}` } });
      return;
    }
    const containerId = makeContainerId();
    const steps: TaskChange[] = [
      { nodeId: node.id, nodeName: node.spec.name, status: { state: 'assigned', message: `assigned to ${node.spec.name}` } },
      { status: { state: 'preparing', message: `pulling ${task.spec.image}` } },
      ...(task.spec.image.includes(missingImage)
        ? [{ status: { state: 'rejected' as const, message: 'image not found', error: `pull ${task.spec.image}: the registry has no such manifest` } }]
        : [
            { status: { state: 'starting' as const, message: 'starting the container', containerId } },
            { status: { state: 'running' as const, message: 'started' } },
          ]),
    ];
    for (const [index, step] of steps.entries()) this.#later((index + 1) * stepMs, () => this.#changeTask(task.id, step));
  }

  #stop(task: Task): void {
    this.#changeTask(task.id, { desiredState: 'shutdown' });
    this.#later(2 * stepMs, () => this.#changeTask(task.id, { status: { state: 'shutdown', message: 'stopped as wanted', exitCode: 0 } }));
  }

  #changeTask(taskId: TaskId, change: TaskChange): void {
    const task = this.tasks.get(taskId);
    if (!task || (task.desiredState === 'shutdown' && change.status?.state !== 'shutdown')) return;
    const changed = { ...task, ...change, version: task.version + 1, updatedAt: now(), status: { ...task.status, ...change.status, at: now() } };
    this.tasks.set(taskId, changed);
    if (changed.status.state === 'running' && task.status.state !== 'running') this.logOf(taskId).add('listening on port 80');
    if (changed.status.state === 'shutdown') this.logOf(taskId).end();
    this.#emit({ type: 'task.changed', task: changed });
    this.#report(changed.serviceId);
  }

  #removeTask(taskId: TaskId): void {
    this.tasks.delete(taskId);
    this.#emit({ type: 'task.removed', taskId });
  }

  #report(serviceId: ServiceId): void {
    const service = this.services.get(serviceId);
    if (!service || service.status.state === 'removing') return;
    const tasks = this.#tasksOf(serviceId);
    const runningTasks = tasks.filter((task) => task.status.state === 'running').length;
    const stuck = tasks.find((task) => task.status.state === 'pending' || task.status.state === 'rejected');
    const state = runningTasks === tasks.length ? 'converged' : 'updating';
    this.#changeService(service, {
      status: {
        desiredTasks: tasks.length,
        runningTasks,
        state: stuck ? 'pending' : state,
        message: stuck ? (stuck.status.error ?? stuck.status.message) : '',
        update: service.status.update,
      },
    });
  }

  setUpdate(service: Service, update: Service['status']['update']): Service {
    return this.#changeService(service, { status: { ...service.status, update } });
  }

  #changeService(service: Service, change: Partial<Service>): Service {
    const changed = { ...service, ...change, version: service.version + 1, updatedAt: now() };
    this.services.set(service.id, changed);
    this.#emit({ type: 'service.changed', service: changed });
    return changed;
  }

  #count(stack: Stack): void {
    const services = [...this.services.values()].filter((service) => service.stackId === stack.id).length;
    const held = this.stacks.get(stack.id);
    if (!held) return;
    const changed = { ...held, version: held.version + 1, services, updatedAt: now() };
    this.stacks.set(stack.id, changed);
    this.#emit({ type: 'stack.changed', stack: changed });
  }

  #servicesThat(use: (spec: ServiceSpec) => boolean): string[] {
    return [...this.services.values()].filter((service) => use(service.spec)).map((service) => service.spec.name);
  }

  #drain(node: ClusterNode): void {
    const moved = [...this.tasks.values()].filter((task) => task.nodeId === node.id && task.desiredState === 'running');
    for (const task of moved) this.#stop(task);
    for (const serviceId of new Set(moved.map((task) => task.serviceId))) this.reconcile(serviceId);
  }

  #tasksOf(serviceId: ServiceId): Task[] {
    return [...this.tasks.values()].filter((task) => task.serviceId === serviceId && task.desiredState === 'running').sort((a, b) => a.slot - b.slot);
  }

  #readyNodes(): ClusterNode[] {
    return [...this.nodes.values()].filter((node) => node.status.state === 'ready' && node.spec.availability === 'active');
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #emit(event: LiveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
