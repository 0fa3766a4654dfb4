import { planRebalance } from '@gantry/domain/scheduler';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.ts';
import { recordChanges } from '../persistence/changes.ts';
import { Database } from '../persistence/database.ts';
import { NodeStateRepository } from './node-state.repository.ts';
import { type Reconciler, wholeCluster } from './reconciler.ts';
import { ScheduleStateRepository } from './schedule-state.repository.ts';

/**
 * Makes services even that ask for it. On its period it lets one task of each go, at most: its place is filled elsewhere first, as when a
 * node is drained, and the next goes when that has settled.
 */
@Injectable()
export class RebalanceReconciler implements Reconciler {
  readonly loop = 'rebalance';

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(NodeStateRepository) private readonly nodes: NodeStateRepository,
    @Inject(ScheduleStateRepository) private readonly tasks: ScheduleStateRepository,
  ) {}

  async keys(): Promise<string[]> {
    return [wholeCluster];
  }

  reconcile(): Promise<void> {
    return this.database.transaction(async (transaction) => {
      await this.tasks.lock(transaction);
      const groups = await this.tasks.findUneven(transaction, this.config.isRebalancing);
      if (groups.length === 0) return;
      const services = groups.map((group) => group.serviceId);
      const candidates = await this.tasks.toCandidates(transaction, await this.nodes.findAll(transaction), services);
      const moved: { serviceId: string; taskId: string }[] = [];
      for (const group of groups) {
        const nodeId = planRebalance(group, candidates);
        const taskId = nodeId === null ? null : await this.tasks.markMoving(transaction, { serviceId: group.serviceId, nodeId });
        if (taskId !== null) moved.push({ serviceId: group.serviceId, taskId });
      }
      const wake = moved.map(({ serviceId }) => ({ loop: 'service', key: serviceId }));
      await recordChanges(transaction, { tasks: moved.map(({ taskId }) => taskId), wake });
    });
  }
}
