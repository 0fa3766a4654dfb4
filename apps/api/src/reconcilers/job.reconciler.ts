import { isJobMode, type JobAction, type JobStep, type JobStepOf, planJob } from '@gantry/domain/job';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.ts';
import { recordChanges, type Wake } from '../persistence/changes.ts';
import { Database, type Transaction } from '../persistence/database.ts';
import { DependencyRepository } from './dependency.repository.ts';
import { JobStateRepository } from './job-state.repository.ts';
import { type Reconciler, wholeCluster } from './reconciler.ts';
import { type ServiceState, ServiceStateRepository, type Touched } from './service-state.repository.ts';

/** In the order in which they are executed: ends before beginnings. */
const order = [
  'delete-task',
  'forget-run',
  'remove-task',
  'shut-down-task',
  'end-run',
  'count-run',
  'skip-run',
  'start-run',
  'create-task',
  'set-due',
  'wake-at',
  'set-status',
] as const satisfies readonly JobAction[];

type Executors = { [A in JobAction]: (steps: readonly JobStepOf<A>[]) => Promise<void> };

/** Runs jobs: takes the ticks of schedules, and makes each run's tasks until it has succeeded or failed. */
@Injectable()
export class JobReconciler implements Reconciler {
  readonly loop = 'job';

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(ServiceStateRepository) private readonly services: ServiceStateRepository,
    @Inject(JobStateRepository) private readonly jobs: JobStateRepository,
    @Inject(DependencyRepository) private readonly dependencies: DependencyRepository,
  ) {}

  keys(): Promise<string[]> {
    return this.jobs.findIds();
  }

  reconcile(serviceId: string): Promise<void> {
    return this.database.transaction(async (transaction) => {
      const service = await this.services.lock(transaction, serviceId);
      if (service !== null) await this.reconcileLocked(transaction, service);
    });
  }

  /** Part of the transaction that holds the service's row. Not for a service that is being removed. */
  async reconcileLocked(transaction: Transaction, service: ServiceState): Promise<void> {
    const { mode } = service.spec;
    if (!isJobMode(mode) || service.isRemoving) return;
    const spec = await this.services.findTaskSpec(transaction, service);
    const now = Date.now();
    const steps = planJob({
      mode,
      taskRevision: service.taskRevision,
      partition: spec.task.partition,
      stopGraceMs: spec.task.stopGraceMs,
      runs: await this.jobs.observeRuns(transaction, service.id),
      tasks: await this.jobs.observeTasks(transaction, service.id),
      nextDueAt: service.nextDueAt?.getTime() ?? null,
      dueBy: service.dueBy,
      now,
    });
    await this.#execute(transaction, service, steps, now);
  }

  async #execute(transaction: Transaction, service: ServiceState, steps: readonly JobStep[], now: number): Promise<void> {
    const tasks: string[] = [];
    const nodes: string[] = [];
    const wake: Wake[] = [];
    let isServiceChanged = false;
    const again = () => wake.push({ loop: this.loop, key: service.id });
    const touch = (touched: readonly Touched[]) => {
      tasks.push(...touched.map(({ id }) => id));
      nodes.push(...touched.flatMap(({ nodeId }) => nodeId ?? []));
      if (touched.length > 0) again();
    };
    const executors: Executors = {
      'delete-task': async (all) => touch(await this.services.deleteTasks(transaction, all)),
      'remove-task': async (all) => touch(await this.services.removeTasks(transaction, all)),
      'shut-down-task': async (all) => touch(await this.services.shutDownTasks(transaction, all)),
      'forget-run': async (all) => {
        for (const { run } of all) await this.jobs.forgetRun(transaction, service.id, run);
      },
      'end-run': async (all) => {
        for (const step of all) await this.jobs.endRun(transaction, service.id, step);
        again();
      },
      'count-run': async (all) => {
        for (const step of all) await this.jobs.countRun(transaction, service.id, step);
      },
      'skip-run': async (all) => {
        for (const { dueAt, message } of all) await this.jobs.insertRun(transaction, service, { dueAt, skipped: message });
        again();
      },
      'start-run': async (all) => {
        for (const { dueAt } of all) await this.jobs.insertRun(transaction, service, { dueAt, skipped: null });
        again();
      },
      'create-task': async (all) => {
        tasks.push(...(await this.jobs.createTasks(transaction, service.id, all)));
        wake.push({ loop: 'schedule', key: wholeCluster });
      },
      'set-due': async (all) => {
        for (const step of all) await this.jobs.setDue(transaction, service.id, step);
      },
      'set-status': async (all) => {
        for (const step of all) if (await this.services.setStatus(transaction, service, step)) isServiceChanged = true;
        if (isServiceChanged) wake.push(...(await this.dependencies.toWake(transaction, [service.id])));
      },
      // what is further away is found by the period: one row for each look would fill the outbox
      'wake-at': async (all) => {
        for (const { at } of all) if (at < now + 2 * this.config.reconcileMs) wake.push({ loop: this.loop, key: service.id, dueAt: new Date(at) });
      },
    };
    for (const action of order) await executeAll(executors, action, steps);
    await recordChanges(transaction, { tasks, assignments: nodes, services: isServiceChanged ? [service.id] : [], wake });
  }
}

function isOf<A extends JobAction>(step: JobStep, action: A): step is JobStep & JobStepOf<A> {
  return step.action === action;
}

async function executeAll<A extends JobAction>(executors: Executors, action: A, steps: readonly JobStep[]): Promise<void> {
  const own: JobStepOf<A>[] = [];
  for (const step of steps) if (isOf(step, action)) own.push(step);
  if (own.length > 0) await executors[action](own);
}
