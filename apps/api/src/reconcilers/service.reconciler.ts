import { isJobMode } from '@gantry/domain/job';
import { parseConstraint, satisfies } from '@gantry/domain/node';
import { type Action, planService, type Step, type StepOf } from '@gantry/domain/service';
import { Inject, Injectable } from '@nestjs/common';
import { type Changes, recordChanges, type Wake } from '../persistence/changes.ts';
import { Database, type Transaction } from '../persistence/database.ts';
import { DependencyRepository } from './dependency.repository.ts';
import { JobReconciler } from './job.reconciler.ts';
import { type NodeState, NodeStateRepository } from './node-state.repository.ts';
import { type Reconciler, wholeCluster } from './reconciler.ts';
import { isSettled, type ServiceState, ServiceStateRepository, type Touched } from './service-state.repository.ts';
import { ServiceTasksRepository } from './service-tasks.repository.ts';

/** More are made by the next run, which follows at once: requests get their turn in between. */
const creationsPerRun = 4_000;

/** What executing steps did, for the signals at the end. */
interface Outcome {
  readonly tasks: string[];
  readonly nodes: string[];
  readonly wake: Wake[];
  isServiceChanged: boolean;
}

/** All steps of one action are executed together: a service of 30,000 tasks is a handful of statements. */
type Executors = { [A in Action]: (steps: readonly StepOf<A>[]) => Promise<void> };

/** Makes a service's tasks what its spec says. */
@Injectable()
export class ServiceReconciler implements Reconciler {
  readonly loop = 'service';

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ServiceStateRepository) private readonly services: ServiceStateRepository,
    @Inject(ServiceTasksRepository) private readonly tasks: ServiceTasksRepository,
    @Inject(NodeStateRepository) private readonly nodes: NodeStateRepository,
    @Inject(JobReconciler) private readonly jobs: JobReconciler,
    @Inject(DependencyRepository) private readonly dependencies: DependencyRepository,
  ) {}

  keys(): Promise<string[]> {
    return this.services.findIds();
  }

  reconcile(serviceId: string): Promise<void> {
    return this.database.transaction(async (transaction) => {
      const service = await this.services.lock(transaction, serviceId);
      if (service === null) return;
      if (isJobMode(service.spec.mode) && !service.isRemoving) return this.jobs.reconcileLocked(transaction, service);
      const steps = await this.#plan(transaction, service);
      await this.#execute(transaction, service, steps);
    });
  }

  async #plan(transaction: Transaction, service: ServiceState): Promise<Step[]> {
    const spec = await this.services.findTaskSpec(transaction, service);
    const isGlobal = service.spec.mode.type === 'global';
    const constraints = spec.task.placement.constraints.map(parseConstraint).filter((constraint) => typeof constraint !== 'string');
    const nodes = isGlobal || constraints.length > 0 ? await this.nodes.findAll(transaction) : [];
    const isFit = (node: NodeState) => constraints.every((constraint) => satisfies(node, constraint));
    const unfit = new Set<string>(nodes.filter((node) => !isFit(node)).map((node) => node.nodeId));
    const keep = nodes.filter((node) => isFit(node) && node.state !== 'down' && node.availability !== 'drain');
    const now = Date.now();
    const { tasks, counted } = await this.tasks.observe(transaction, { service, spec, unfit, now });
    return planService({
      mode: isJobMode(service.spec.mode) ? { type: 'replicated', replicas: 0 } : service.spec.mode,
      isRemoving: service.isRemoving,
      taskRevision: service.taskRevision,
      isRolledBack: service.rolledBackFrom !== null,
      isSettled: isSettled(service),
      isPaused: service.isUpdatePaused,
      isPromoted: service.promotedRevision === service.taskRevision,
      restartPolicy: spec.task.restartPolicy,
      partition: spec.task.partition,
      stopGraceMs: spec.task.stopGraceMs,
      update: service.spec.update,
      tasks,
      counted,
      wantedNodes: isGlobal ? keep.filter((node) => node.state === 'ready' && node.availability === 'active').map((node) => node.nodeId) : [],
      keepNodes: isGlobal ? keep.map((node) => node.nodeId) : [],
      now,
    });
  }

  async #execute(transaction: Transaction, service: ServiceState, steps: readonly Step[]): Promise<void> {
    const outcome: Outcome = { tasks: [], nodes: [], wake: [], isServiceChanged: false };
    const executors = this.#executors(transaction, service, outcome);
    // ends before beginnings, and the service's own row last
    await executeAll(executors, 'delete-task', steps);
    await executeAll(executors, 'remove-task', steps);
    await executeAll(executors, 'shut-down-task', steps);
    await executeAll(executors, 'roll-back', steps);
    await executeAll(executors, 'promote', steps);
    await executeAll(executors, 'settle', steps);
    await executeAll(executors, 'create-task', steps);
    await executeAll(executors, 'wake-at', steps);
    await executeAll(executors, 'set-status', steps);
    await executeAll(executors, 'delete-service', steps);
    const changes: Changes = { tasks: outcome.tasks, assignments: outcome.nodes, services: outcome.isServiceChanged ? [service.id] : [], wake: outcome.wake };
    await recordChanges(transaction, changes);
  }

  #executors(transaction: Transaction, service: ServiceState, outcome: Outcome): Executors {
    const again = () => outcome.wake.push({ loop: this.loop, key: service.id });
    const touch = (touched: readonly Touched[]) => {
      for (const { id, nodeId } of touched) {
        outcome.tasks.push(id);
        if (nodeId !== null) outcome.nodes.push(nodeId);
      }
      if (touched.length > 0) again();
    };
    return {
      'create-task': async (steps) => {
        outcome.tasks.push(...(await this.services.createTasks(transaction, service, steps.slice(0, creationsPerRun))));
        if (steps.length > creationsPerRun) again();
        outcome.wake.push({ loop: 'schedule', key: wholeCluster });
      },
      'shut-down-task': async (steps) => touch(await this.services.shutDownTasks(transaction, steps)),
      'remove-task': async (steps) => touch(await this.services.removeTasks(transaction, steps)),
      'delete-task': async (steps) => touch(await this.services.deleteTasks(transaction, steps)),
      'delete-service': async () => {
        await this.services.deleteService(transaction, service.id);
        outcome.isServiceChanged = true;
        if (service.stackId !== null) outcome.wake.push({ loop: 'stack', key: service.stackId });
      },
      'roll-back': async () => {
        await this.services.rollBack(transaction, service);
        again();
      },
      promote: async () => {
        await this.services.promote(transaction, service);
        again();
      },
      settle: async () => {
        await this.services.settle(transaction, service);
        again();
      },
      'set-status': async (steps) => {
        for (const step of steps) if (await this.services.setStatus(transaction, service, step)) outcome.isServiceChanged = true;
        if (outcome.isServiceChanged) outcome.wake.push(...(await this.dependencies.toWake(transaction, [service.id])));
      },
      'wake-at': async (steps) => {
        for (const { at } of steps) outcome.wake.push({ loop: this.loop, key: service.id, dueAt: new Date(at) });
      },
    };
  }
}

function isOf<A extends Action>(step: Step, action: A): step is Step & StepOf<A> {
  return step.action === action;
}

async function executeAll<A extends Action>(executors: Executors, action: A, steps: readonly Step[]): Promise<void> {
  const own: StepOf<A>[] = [];
  for (const step of steps) if (isOf(step, action)) own.push(step);
  if (own.length > 0) await executors[action](own);
}
