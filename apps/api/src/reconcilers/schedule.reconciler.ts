import { planSchedule } from '@gantry/domain/scheduler';
import { Inject, Injectable } from '@nestjs/common';
import { recordChanges, type Wake } from '../persistence/changes.ts';
import { Database, type Transaction } from '../persistence/database.ts';
import { DependencyRepository, type WaitingTasks } from './dependency.repository.ts';
import { NodeStateRepository } from './node-state.repository.ts';
import { type Reconciler, wholeCluster } from './reconciler.ts';
import { ScheduleStateRepository, tasksPerRun } from './schedule-state.repository.ts';

/** Gives pending tasks their nodes. */
@Injectable()
export class ScheduleReconciler implements Reconciler {
  readonly loop = 'schedule';

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(NodeStateRepository) private readonly nodes: NodeStateRepository,
    @Inject(ScheduleStateRepository) private readonly tasks: ScheduleStateRepository,
    @Inject(DependencyRepository) private readonly dependencies: DependencyRepository,
  ) {}

  async keys(): Promise<string[]> {
    return [wholeCluster];
  }

  reconcile(): Promise<void> {
    return this.database.transaction(async (transaction) => {
      await this.tasks.lock(transaction);
      const waiting = await this.dependencies.findWaiting(transaction);
      const told = await this.dependencies.explain(transaction, waiting);
      const toldWake = [...new Set(told.map(({ serviceId }) => serviceId))].map((key) => ({ loop: 'service', key }));
      await recordChanges(transaction, { tasks: told.map(({ id }) => id), wake: toldWake });
      const found = await this.tasks.findPending(transaction, waiting);
      if (found.length === 0) return;
      const late = await this.#findLate(transaction, waiting);
      const pending = found.filter(({ serviceId }) => !late.has(serviceId));
      const candidates = await this.tasks.toCandidates(transaction, await this.nodes.findAll(transaction), [
        ...new Set(pending.map((group) => group.serviceId)),
      ]);
      const plan = planSchedule(pending, candidates);
      const assigned = await this.tasks.assign(transaction, plan.placements);
      const explained = await this.tasks.explain(transaction, plan.unplaced);
      const wake: Wake[] = explained.services.map((key) => ({ loop: 'service', key }));
      if (plan.placements.length >= tasksPerRun) wake.push({ loop: this.loop, key: wholeCluster });
      await recordChanges(transaction, { tasks: [...assigned.map((p) => p.taskId), ...explained.tasks], assignments: assigned.map((p) => p.nodeId), wake });
    });
  }

  /**
   * Services with tasks that must wait and were not there at the first look: each query sees what is committed when it begins. Whoever made them has woken
   * this loop again.
   */
  async #findLate(transaction: Transaction, waiting: readonly WaitingTasks[]): Promise<Set<string>> {
    const known = new Set(waiting.map(({ serviceId, revision }) => `${serviceId}/${revision}`));
    const now = await this.dependencies.findWaiting(transaction);
    return new Set(now.filter(({ serviceId, revision }) => !known.has(`${serviceId}/${revision}`)).map(({ serviceId }) => serviceId));
  }
}
