import type { Transaction } from './database.ts';

/**
 * The tasks of an earlier revision are wanted again: of the latest that still has some, so that those are left alone, else of the one before.
 * False when there is none.
 */
export async function rollBackTasks(transaction: Transaction, service: { readonly id: string; readonly taskRevision: number }): Promise<boolean> {
  const { id, taskRevision } = service;
  const [earlier] = await transaction.$queryRaw<{ number: number }[]>`
    select r.number from service_revision r where r.service_id = ${id} and r.number < ${taskRevision}
    order by exists (select from task t where t.service_id = r.service_id and t.revision = r.number and t.desired_state = 'running') desc, r.number desc limit 1`;
  if (earlier === undefined) return false;
  await transaction.service.update({
    where: { id },
    data: { taskRevision: earlier.number, rolledBackFrom: taskRevision, isUpdatePaused: false, updateState: 'reverting', updateReplaced: 0 },
  });
  return true;
}
