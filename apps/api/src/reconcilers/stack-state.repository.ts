import { Inject, Injectable } from '@nestjs/common';
import { recordChanges } from '../persistence/changes.ts';
import { Database, type Transaction } from '../persistence/database.ts';

@Injectable()
export class StackStateRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async findRemoving(): Promise<string[]> {
    return (await this.database.client.stack.findMany({ where: { isRemoving: true }, select: { id: true } })).map((row) => row.id);
  }

  /** Also tells the browsers, since a service more or less changes what is shown of a stack. */
  async deleteWhenEmpty(stackId: string): Promise<void> {
    await this.database.transaction(async (transaction) => {
      await transaction.$queryRaw`select id from stack where id = ${stackId} for update`;
      const gone = await transaction.$queryRaw<{ name: string }[]>`
        delete from stack k where id = ${stackId} and is_removing and not exists (select from service s where s.stack_id = k.id) returning name`;
      for (const { name } of gone) await this.#deletePayloads(transaction, name);
      await transaction.stack.updateMany({ where: { id: stackId }, data: { version: { increment: 1 } } });
      await recordChanges(transaction, { stacks: [stackId] });
    });
  }

  /** Secrets and configs that came with the stack and that nobody else uses. */
  async #deletePayloads(transaction: Transaction, stackName: string): Promise<void> {
    await transaction.$executeRaw`
      delete from payload p where p.labels->>'com.docker.stack.namespace' = ${stackName}
        and not exists (select from revision_payload u where u.payload_id = p.id)`;
  }
}
