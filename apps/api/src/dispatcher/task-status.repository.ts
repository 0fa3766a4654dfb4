import type { TaskStatusReport } from '@gantry/contracts/agent-link';
import { canMoveTask, isTerminal } from '@gantry/domain/service';
import { Inject, Injectable } from '@nestjs/common';
import { recordChanges, type Wake } from '../persistence/changes.ts';
import { LinkDatabase } from '../persistence/database.ts';
import type { TaskState } from '../persistence/generated/client.ts';
import { DependencyRepository } from '../reconcilers/dependency.repository.ts';

interface CurrentRow {
  id: string;
  service_id: string;
  node_id: string | null;
  state: TaskState;
  status_at: Date;
}

export interface ReportedStatus extends TaskStatusReport {
  readonly nodeId: string;
}

/** States that reconcilers decide by; the ones between matter to people only. */
function isDecisive(state: TaskState): boolean {
  return state === 'running' || isTerminal(state);
}

@Injectable()
export class TaskStatusRepository {
  constructor(
    @Inject(LinkDatabase) private readonly database: LinkDatabase,
    @Inject(DependencyRepository) private readonly dependencies: DependencyRepository,
  ) {}

  /**
   * Writes what agents reported, each only if it moves its task and comes from the task's own node. Reports for tasks that are gone are
   * dropped without a word: the agent could not know. Answers how many moved.
   */
  async apply(reports: readonly ReportedStatus[]): Promise<number> {
    return this.database.transaction(async (transaction) => {
      const ids = [...new Set(reports.map((report) => report.taskId))].sort();
      const rows = await transaction.$queryRaw<CurrentRow[]>`
        select id, service_id, node_id, state::text, status_at from task where id = any(${ids}::text[]) order by id for update`;
      const current = new Map(rows.map((row) => [row.id, row]));
      const moves = new Map<string, ReportedStatus & { serviceId: string }>();
      for (const report of reports) {
        const row = current.get(report.taskId);
        const at = Date.parse(report.at);
        if (row === undefined || row.node_id !== report.nodeId || Number.isNaN(at)) continue;
        if (!canMoveTask({ state: row.state, at: row.status_at.getTime() }, { state: report.state, at })) continue;
        moves.set(row.id, { ...report, serviceId: row.service_id });
        current.set(row.id, { ...row, state: report.state, status_at: new Date(at) });
      }
      if (moves.size === 0) return 0;
      const moved = [...moves.values()];
      await transaction.$executeRaw`
        update task t set state = v.state::task_state, status_at = v.at::timestamptz, message = v.message, error = v.error, container_id = v."containerId",
          exit_code = v."exitCode", ports = v.ports, version = t.version + 1, updated_at = now(),
          running_at = case when v.state = 'running' and t.running_at is null then v.at::timestamptz else t.running_at end
        from jsonb_to_recordset(${JSON.stringify(moved)}::jsonb)
          as v("taskId" text, state text, at text, message text, error text, "containerId" text, "exitCode" int, ports jsonb)
        where t.id = v."taskId"`;
      const services = new Set(moved.filter(({ state }) => isDecisive(state)).map(({ serviceId }) => serviceId));
      const started = new Set(moved.filter(({ state }) => state === 'starting').map(({ serviceId }) => serviceId));
      const wake: Wake[] = [...[...services].map((key) => ({ loop: 'service', key })), ...(await this.dependencies.toWake(transaction, [...started]))];
      await recordChanges(transaction, { tasks: moved.map(({ taskId }) => taskId), wake });
      return moved.length;
    });
  }
}
