import { Inject, Injectable } from '@nestjs/common';
import { ReaperRepository } from './reaper.repository.ts';
import { type Reconciler, wholeCluster } from './reconciler.ts';

/** Swarm keeps as many. */
const keptPerPlace = 5;
const goneMs = 24 * 60 * 60 * 1_000;

/** Takes away what nobody will ask for again: old ended tasks, tasks of nodes long gone, expired sessions and tokens. */
@Injectable()
export class TaskReaper implements Reconciler {
  readonly loop = 'reaper';

  constructor(@Inject(ReaperRepository) private readonly rows: ReaperRepository) {}

  async keys(): Promise<string[]> {
    return [wholeCluster];
  }

  async reconcile(): Promise<void> {
    await this.rows.orphanTasks(goneMs);
    await this.rows.deleteHistory(keptPerPlace);
    await this.rows.deleteExpired();
  }
}
