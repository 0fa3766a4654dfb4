import { isDeepStrictEqual } from 'node:util';
import { ServiceSpec } from '@gantry/contracts/http-api';
import type { Action, StepOf } from '@gantry/domain/service';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../persistence/database.ts';
import type { Service } from '../persistence/generated/client.ts';
import { newId } from '../persistence/new-id.ts';
import { rollBackTasks } from '../persistence/roll-back-tasks.ts';

export type ServiceState = Omit<Service, 'spec'> & { spec: ServiceSpec };

/** The update to the revision that is wanted is over. */
export function isSettled(service: ServiceState): boolean {
  return service.settledRevision === service.taskRevision;
}

type Steps<A extends Action> = readonly StepOf<A>[];

/** A task that changed hands: whom to tell. */
export interface Touched {
  readonly id: string;
  readonly nodeId: string | null;
}

interface TouchedRow {
  id: string;
  node_id: string | null;
}

function toTouched(rows: readonly TouchedRow[]): Touched[] {
  return rows.map((row) => ({ id: row.id, nodeId: row.node_id }));
}

/** A service's row, and what its reconciler does, in bulk. Everything runs in the transaction that holds the service's row. */
@Injectable()
export class ServiceStateRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async findIds(): Promise<string[]> {
    return (await this.database.client.service.findMany({ select: { id: true } })).map((row) => row.id);
  }

  async lock(transaction: Transaction, id: string): Promise<ServiceState | null> {
    await transaction.$queryRaw`select id from service where id = ${id} for update`;
    const row = await transaction.service.findUnique({ where: { id } });
    return row === null ? null : { ...row, spec: ServiceSpec.parse(row.spec) };
  }

  /** The spec whose tasks are wanted: after a roll-back not the latest. */
  async findTaskSpec(transaction: Transaction, service: ServiceState): Promise<ServiceSpec> {
    if (service.taskRevision === service.revision || service.rolledBackFrom === null) return service.spec;
    const revision = await transaction.serviceRevision.findUnique({ where: { serviceId_number: { serviceId: service.id, number: service.taskRevision } } });
    return revision === null ? service.spec : ServiceSpec.parse(revision.spec);
  }

  async createTasks(transaction: Transaction, service: ServiceState, steps: Steps<'create-task'>): Promise<string[]> {
    const ids = steps.map(() => newId());
    const { id, taskRevision } = service;
    await transaction.$executeRaw`
      insert into task (id, service_id, revision, slot, node_id, attempt)
      select v.id, ${id}, ${taskRevision}, v.slot, v.node_id, v.attempt
      from unnest(${ids}::text[], ${steps.map((step) => step.slot)}::int[], ${steps.map((step) => step.nodeId)}::text[], ${steps.map((step) => step.attempt)}::int[])
        as v(id, slot, node_id, attempt)`;
    return ids;
  }

  /** A task that no node has yet ends with the word; any other when its agent says so. */
  async shutDownTasks(transaction: Transaction, steps: Steps<'shut-down-task'>): Promise<Touched[]> {
    const rows = await transaction.$queryRaw<TouchedRow[]>`
      update task t set desired_state = 'shutdown', version = version + 1, updated_at = now(),
        state = case when t.state = 'pending' then 'shutdown' else t.state end,
        message = case when t.state < 'complete' then v.reason else t.message end
      from unnest(${steps.map((step) => step.taskId)}::text[], ${steps.map((step) => step.reason)}::text[]) as v(id, reason)
      where t.id = v.id and t.desired_state = 'running' returning t.id, t.node_id`;
    return toTouched(rows);
  }

  async removeTasks(transaction: Transaction, steps: Steps<'remove-task'>): Promise<Touched[]> {
    const rows = await transaction.$queryRaw<TouchedRow[]>`
      update task set desired_state = 'remove', version = version + 1, updated_at = now(), state = case when state = 'pending' then 'shutdown' else state end
      where id = any(${steps.map((step) => step.taskId)}::text[]) and desired_state <> 'remove' returning id, node_id`;
    return toTouched(rows);
  }

  async deleteTasks(transaction: Transaction, steps: Steps<'delete-task'>): Promise<Touched[]> {
    return toTouched(
      await transaction.$queryRaw<TouchedRow[]>`delete from task where id = any(${steps.map((step) => step.taskId)}::text[]) returning id, node_id`,
    );
  }

  async deleteService(transaction: Transaction, id: string): Promise<void> {
    await transaction.service.delete({ where: { id } });
  }

  /** The wanted revision becomes the one before; the user's spec stays as it is. */
  async rollBack(transaction: Transaction, service: ServiceState): Promise<void> {
    await rollBackTasks(transaction, service);
  }

  async promote(transaction: Transaction, service: ServiceState): Promise<void> {
    await transaction.service.update({ where: { id: service.id }, data: { promotedRevision: service.taskRevision } });
  }

  async settle(transaction: Transaction, service: ServiceState): Promise<void> {
    await transaction.service.update({ where: { id: service.id }, data: { settledRevision: service.taskRevision } });
  }

  /** Answers whether the status was another. */
  async setStatus(transaction: Transaction, service: ServiceState, status: StepOf<'set-status'>): Promise<boolean> {
    const { desiredTasks, runningTasks, state, message, update } = status;
    const next = { desiredTasks, runningTasks, state, message, updateState: update?.state ?? null, updateReplaced: update?.replacedTasks ?? 0 };
    const { desiredTasks: desired, runningTasks: running, updateState, updateReplaced } = service;
    const before = { desiredTasks: desired, runningTasks: running, state: service.state, message: service.message, updateState, updateReplaced };
    if (isDeepStrictEqual(next, before)) return false;
    await transaction.service.update({ where: { id: service.id }, data: { ...next, version: { increment: 1 }, updatedAt: new Date() } });
    return true;
  }
}
