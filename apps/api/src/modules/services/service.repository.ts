import type { PublishedPort, ServiceListQuery, ServiceSpec } from '@gantry/contracts/http-api';
import type { TakenPort } from '@gantry/domain/network';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config.ts';
import { Database, type Transaction } from '../../persistence/database.ts';
import { whereLabels, whereName } from '../../persistence/where.ts';
import { type PayloadReference, PayloadRepository } from '../payloads/payload.repository.ts';
import { type RevisionRow, type ServiceRow, toPorts, withStackName } from './service.mapper.ts';

/** Any number that no other user of advisory locks in this database takes. */
const portsLock = 4_400_003;

/**
 * What a new spec means for the tasks there are. kept: nothing. replaced: they become those of the new revision. restored: the spec is again
 * what an update that failed was rolled back to, so that they already are what is wanted.
 */
export type TaskChange = 'kept' | 'replaced' | 'restored';

type ServiceFilter = Omit<ServiceListQuery, 'limit' | 'cursor' | 'fields'>;

@Injectable()
export class ServiceRepository {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(PayloadRepository) private readonly payloads: PayloadRepository,
  ) {}

  find(id: string, transaction: Transaction = this.database.client): Promise<ServiceRow | null> {
    return transaction.service.findUnique({ where: { id }, include: withStackName });
  }

  findMany(ids: readonly string[]): Promise<ServiceRow[]> {
    return this.database.client.service.findMany({ where: { id: { in: [...ids] } }, include: withStackName });
  }

  /** By name, from after `name`. */
  list(filter: ServiceFilter, after: string | null, limit: number): Promise<ServiceRow[]> {
    const AND = [
      ...whereName(filter),
      ...whereLabels(filter.label, ['labels']).map((spec) => ({ spec })),
      ...(filter.stackId === undefined ? [] : [{ stackId: filter.stackId }]),
      ...(filter.state === undefined ? [] : [{ state: filter.state }]),
      ...(filter.mode === undefined ? [] : [{ spec: { path: ['mode', 'type'], equals: filter.mode } }]),
      ...(filter.nodeId === undefined ? [] : [{ tasks: { some: { nodeId: filter.nodeId, desiredState: 'running' as const } } }]),
      ...(after === null ? [] : [{ name: { gt: after } }]),
    ];
    return this.database.client.service.findMany({ where: { AND }, include: withStackName, orderBy: { name: 'asc' }, take: limit });
  }

  /** Nobody else changes the service until the transaction ends. */
  async lock(transaction: Transaction, id: string): Promise<ServiceRow | null> {
    await transaction.$queryRaw`select id from service where id = ${id} for update`;
    return this.find(id, transaction);
  }

  async isNameTaken(transaction: Transaction, name: string): Promise<boolean> {
    return (await transaction.service.count({ where: { name } })) > 0;
  }

  /** Every service that stays, with the names of what it depends on. */
  async findDependencies(transaction: Transaction): Promise<Map<string, string[]>> {
    const rows = await transaction.$queryRaw<{ name: string; services: string[] | null }[]>`
      select name, (select json_agg(d->>'service') from jsonb_array_elements(spec->'dependsOn') d) as services from service where not is_removing`;
    return new Map(rows.map((row) => [row.name, row.services ?? []]));
  }

  findOfStack(transaction: Transaction, stackId: string): Promise<ServiceRow[]> {
    return transaction.service.findMany({ where: { stackId }, include: withStackName, orderBy: { name: 'asc' } });
  }

  /** Ports of all other services; until the transaction ends nobody else allots any. */
  async lockTakenPorts(transaction: Transaction, exceptServiceId: string): Promise<TakenPort[]> {
    await transaction.$queryRaw`select pg_advisory_xact_lock(${portsLock})::text`;
    const rows = await transaction.service.findMany({ where: { id: { not: exceptServiceId }, ports: { not: [] } }, select: { name: true, ports: true } });
    return rows.flatMap(({ name, ports }) => toPorts(ports).map(({ protocol, publishedPort, mode }) => ({ owner: name, protocol, publishedPort, mode })));
  }

  async insert(
    transaction: Transaction,
    service: { id: string; stackId: string | null; spec: ServiceSpec; ports: PublishedPort[]; payloads: readonly PayloadReference[] },
  ): Promise<void> {
    const { id, stackId, spec, ports, payloads } = service;
    await transaction.service.create({ data: { id, stackId, name: spec.name, spec, ports } });
    await transaction.serviceRevision.create({ data: { serviceId: id, number: 1, spec, ports } });
    await this.payloads.insertUses(transaction, id, 1, payloads);
  }

  /** Newest first, from below `before`. */
  listRevisions(serviceId: string, before: number | null, limit: number): Promise<RevisionRow[]> {
    const where = { serviceId, ...(before === null ? {} : { number: { lt: before } }) };
    return this.database.client.serviceRevision.findMany({ where, orderBy: { number: 'desc' }, take: limit });
  }

  findRevision(transaction: Transaction, serviceId: string, number: number): Promise<RevisionRow | null> {
    return transaction.serviceRevision.findUnique({ where: { serviceId_number: { serviceId, number } } });
  }

  /** The latest of those that are kept and older than `number`. */
  findRevisionBefore(transaction: Transaction, serviceId: string, number: number): Promise<RevisionRow | null> {
    return transaction.serviceRevision.findFirst({ where: { serviceId, number: { lt: number } }, orderBy: { number: 'desc' } });
  }

  /** A new revision. Older ones are forgotten beyond the limit, unless a task is still of one. */
  async revise(
    transaction: Transaction,
    row: ServiceRow,
    change: { spec: ServiceSpec; ports: PublishedPort[]; payloads: readonly PayloadReference[]; tasks: TaskChange; stackId?: string },
  ): Promise<void> {
    const { spec, ports, payloads, tasks } = change;
    const number = row.revision + 1;
    const version = row.version + 1;
    await transaction.serviceRevision.create({ data: { serviceId: row.id, number, spec, ports } });
    await this.payloads.insertUses(transaction, row.id, number, payloads);
    await transaction.service.update({
      where: { id: row.id },
      data: {
        name: spec.name,
        spec,
        ports,
        revision: number,
        version,
        specVersion: version,
        state: 'updating',
        updatedAt: new Date(),
        ...(tasks === 'replaced' ? { taskRevision: number, isUpdatePaused: false, updateState: 'updating' as const, updateReplaced: 0 } : {}),
        ...(tasks === 'kept' ? {} : { rolledBackFrom: null }),
        ...(change.stackId === undefined ? {} : { stackId: change.stackId }),
      },
    });
    await transaction.$executeRaw`
      delete from service_revision r where r.service_id = ${row.id} and r.number <= ${number - this.config.keptRevisions}
        and r.number <> (select task_revision from service where id = r.service_id)
        and not exists (select from job_run j where j.service_id = r.service_id and j.revision = r.number and j.state = 'running')
        and not exists (select from task t where t.service_id = r.service_id and t.revision = r.number)`;
  }

  async setRollout(transaction: Transaction, row: ServiceRow, data: { isUpdatePaused: boolean } | { promotedRevision: number }): Promise<void> {
    await transaction.service.update({ where: { id: row.id }, data: { ...data, version: { increment: 1 }, updatedAt: new Date() } });
  }

  async markRemoving(transaction: Transaction, ids: readonly string[]): Promise<void> {
    await transaction.service.updateMany({
      where: { id: { in: [...ids] } },
      data: { isRemoving: true, state: 'removing', message: '', version: { increment: 1 }, updatedAt: new Date() },
    });
  }
}
