import { Inject, Injectable } from '@nestjs/common';
import { recordChanges } from '../persistence/changes.ts';
import { Database } from '../persistence/database.ts';

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
      await transaction.stack.deleteMany({ where: { id: stackId, isRemoving: true, services: { none: {} } } });
      await transaction.stack.updateMany({ where: { id: stackId }, data: { version: { increment: 1 } } });
      await recordChanges(transaction, { stacks: [stackId] });
    });
  }
}
