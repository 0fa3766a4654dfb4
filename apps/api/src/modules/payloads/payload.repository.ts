import type { PayloadListQuery } from '@gantry/contracts/http-api';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../persistence/database.ts';
import type { PayloadKind, Prisma } from '../../persistence/generated/client.ts';
import { whereLabels, whereName } from '../../persistence/where.ts';
import type { Keyring, Sealed } from '../../vault/keyring.ts';

/** Of a payload's versions that nothing uses, the latest so many stay. */
const keptVersions = 10;
const versionsPerBatch = 100;

/** Everything but the content. */
const withVersions = {
  versions: { select: { number: true, size: true, createdAt: true }, orderBy: { number: 'asc' } },
} as const satisfies Prisma.PayloadInclude;
export type PayloadRow = Prisma.PayloadGetPayload<{ include: typeof withVersions }>;

export type { PayloadKind };

export interface PayloadReference {
  readonly payloadId: string;
  readonly number: number;
}

export interface PayloadUser {
  readonly id: string;
  readonly name: string;
  readonly isRolledBack: boolean;
}

export function contextOf({ payloadId, number }: PayloadReference): string {
  return `payload ${payloadId} version ${number}`;
}

@Injectable()
export class PayloadRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  find(kind: PayloadKind, id: string, transaction: Transaction = this.database.client): Promise<PayloadRow | null> {
    return transaction.payload.findUnique({ where: { id, kind }, include: withVersions });
  }

  /** By name, from after `name`. */
  list(kind: PayloadKind, filter: Pick<PayloadListQuery, 'name' | 'namePrefix' | 'label'>, after: string | null, limit: number): Promise<PayloadRow[]> {
    const AND = [
      { kind },
      ...whereName(filter),
      ...whereLabels(filter.label, []).map((labels) => ({ labels })),
      ...(after === null ? [] : [{ name: { gt: after } }]),
    ];
    return this.database.client.payload.findMany({ where: { AND }, include: withVersions, orderBy: { name: 'asc' }, take: limit });
  }

  async isNameTaken(transaction: Transaction, kind: PayloadKind, name: string): Promise<boolean> {
    return (await transaction.payload.count({ where: { kind, name } })) > 0;
  }

  /** Nobody else changes it, or begins to use it, until the transaction ends. */
  async lock(transaction: Transaction, kind: PayloadKind, id: string): Promise<PayloadRow | null> {
    await transaction.$queryRaw`select id from payload where id = ${id} and kind = ${kind}::payload_kind for update`;
    return this.find(kind, id, transaction);
  }

  /** The latest versions of those names; nobody changes or removes them until the transaction ends. */
  async lockLatest(transaction: Transaction, kind: PayloadKind, names: readonly string[]): Promise<Map<string, PayloadReference>> {
    const rows = await transaction.$queryRaw<{ id: string; name: string; latest: number }[]>`
      select id, name, latest from payload where kind = ${kind}::payload_kind and name = any(${[...names]}::text[]) order by id for share`;
    return new Map(rows.map((row) => [row.name, { payloadId: row.id, number: row.latest }]));
  }

  async findUses(transaction: Transaction, serviceId: string, revision: number): Promise<PayloadReference[]> {
    return transaction.revisionPayload.findMany({ where: { serviceId, revision }, select: { payloadId: true, number: true }, orderBy: { payloadId: 'asc' } });
  }

  async insertUses(transaction: Transaction, serviceId: string, revision: number, uses: readonly PayloadReference[]): Promise<void> {
    if (uses.length > 0) await transaction.revisionPayload.createMany({ data: uses.map((use) => ({ serviceId, revision, ...use })) });
  }

  /** Services whose latest or wanted revision has it, and those with a task that may still run with it; by id, as they are locked. */
  async findUsers(payloadIds: readonly string[], transaction: Transaction = this.database.client): Promise<(PayloadUser & { payloadId: string })[]> {
    const rows = await transaction.$queryRaw<{ id: string; name: string; payload_id: string; is_rolled_back: boolean }[]>`
      select distinct s.id, s.name, u.payload_id, s.rolled_back_from is not null as is_rolled_back from revision_payload u join service s on s.id = u.service_id
      where u.payload_id = any(${[...payloadIds]}::text[]) and (u.revision in (s.revision, s.task_revision)
        or exists (select from task t where t.service_id = u.service_id and t.revision = u.revision and t.state < 'complete'))
      order by s.id`;
    return rows.map((row) => ({ id: row.id, name: row.name, payloadId: row.payload_id, isRolledBack: row.is_rolled_back }));
  }

  async insert(transaction: Transaction, payload: { id: string; kind: PayloadKind; name: string; labels: Record<string, string> }): Promise<void> {
    await transaction.payload.create({ data: payload });
  }

  async insertVersion(transaction: Transaction, reference: PayloadReference, content: Sealed & { size: number }): Promise<void> {
    await transaction.payloadVersion.create({ data: { ...reference, ...content } });
  }

  /** The next version is the latest one from now on; what nothing uses goes beyond the limit. */
  async rotate(transaction: Transaction, reference: PayloadReference, content: Sealed & { size: number }): Promise<void> {
    await this.insertVersion(transaction, reference, content);
    const { payloadId, number } = reference;
    await transaction.payload.update({ where: { id: payloadId }, data: { latest: number, version: { increment: 1 }, updatedAt: new Date() } });
  }

  async forgetUnused(transaction: Transaction, { payloadId, number }: PayloadReference): Promise<void> {
    await transaction.$executeRaw`
      delete from payload_version v where v.payload_id = ${payloadId} and v.number <= ${number - keptVersions}
        and not exists (select from revision_payload u where u.payload_id = v.payload_id and u.number = v.number)`;
  }

  /** Earlier revisions that had it can not be rolled back to any more, unless there is another of its name. */
  async remove(transaction: Transaction, id: string): Promise<void> {
    await transaction.revisionPayload.deleteMany({ where: { payloadId: id } });
    await transaction.payload.delete({ where: { id } });
  }

  /** What is stored of those versions. */
  findSealed(references: readonly PayloadReference[], transaction: Transaction = this.database.client) {
    const where = { OR: references.map(({ payloadId, number }) => ({ payloadId, number })) };
    return transaction.payloadVersion.findMany({ where, select: { payloadId: true, number: true, keyId: true, sealed: true } });
  }

  async findKeyIds(): Promise<string[]> {
    return (await this.database.client.payloadVersion.groupBy({ by: ['keyId'] })).map((row) => row.keyId);
  }

  /** Encrypts some of what is under the key `from` under the first one; answers how many there were. Replicas that do it at once take different rows. */
  reseal(from: string, keys: Keyring): Promise<number> {
    return this.database.transaction(async (transaction) => {
      const rows = await transaction.$queryRaw<{ payload_id: string; number: number; key_id: string; sealed: Uint8Array }[]>`
        select payload_id, number, key_id, sealed from payload_version where key_id = ${from} limit ${versionsPerBatch} for update skip locked`;
      for (const row of rows) {
        const reference = { payloadId: row.payload_id, number: row.number };
        const content = keys.open({ keyId: row.key_id, sealed: row.sealed }, contextOf(reference));
        await transaction.payloadVersion.update({ where: { payloadId_number: reference }, data: keys.seal(content, contextOf(reference)) });
      }
      return rows.length;
    });
  }
}
