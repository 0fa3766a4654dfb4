import type { StackListQuery } from '@gantry/contracts/http-api';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../persistence/database.ts';
import { newId } from '../../persistence/new-id.ts';
import { whereName } from '../../persistence/where.ts';
import { type StackRow, withServiceCount } from './stack.mapper.ts';

@Injectable()
export class StackRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  findMany(ids: readonly string[]): Promise<StackRow[]> {
    return this.database.client.stack.findMany({ where: { id: { in: [...ids] } }, include: withServiceCount });
  }

  list(filter: Pick<StackListQuery, 'name' | 'namePrefix'>, after: string | null, limit: number): Promise<StackRow[]> {
    return this.database.client.stack.findMany({
      where: { AND: [...whereName(filter), ...(after === null ? [] : [{ name: { gt: after } }])] },
      include: withServiceCount,
      orderBy: { name: 'asc' },
      take: limit,
    });
  }

  /** The stack of that name, made when there is none; nobody else deploys it until the transaction ends. */
  async ensureLocked(transaction: Transaction, name: string, compose: string): Promise<StackRow> {
    await transaction.$executeRaw`insert into stack (id, name, compose) values (${newId()}, ${name}, ${compose}) on conflict (name) do nothing`;
    await transaction.$queryRaw`select id from stack where name = ${name} for update`;
    return transaction.stack.findUniqueOrThrow({ where: { name }, include: withServiceCount });
  }

  async lock(transaction: Transaction, name: string): Promise<StackRow | null> {
    await transaction.$queryRaw`select id from stack where name = ${name} for update`;
    return transaction.stack.findUnique({ where: { name }, include: withServiceCount });
  }

  update(transaction: Transaction, id: string, change: { compose?: string; isRemoving?: boolean }): Promise<StackRow> {
    return transaction.stack.update({ where: { id }, data: { ...change, version: { increment: 1 }, updatedAt: new Date() }, include: withServiceCount });
  }
}
